"""Whose sockets on this machine are, by the kernel's tables."""

from __future__ import annotations

import os
import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from bitween.api.local_user import owner_of
from bitween.model.address import PeerAddress
from bitween.reach.kernel_sockets import OwnServers, is_ours
from tests.functional.other_user import listens, other_user


class KernelSocketTests(TestCase):
    """On loopback, where everybody on the machine may listen and dial."""

    def bound(self, host: str, port: int = 0, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of ours."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ours = socket.socket(family, kind)
        self.addCleanup(ours.close)
        ours.bind((host, port))
        if kind == socket.SOCK_STREAM:
            ours.listen()
        return ours

    def test_what_we_serve(self) -> None:
        """A port of ours with TCP and UDP counts, at one address or at all, in both families."""
        for listening, dialled in (
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::1", "::1"),
            ("::", "::1"),
        ):
            port = self.bound(listening).getsockname()[1]
            address = PeerAddress(dialled, port)
            self.assertFalse(OwnServers(Clock()).serves(address), listening)
            self.bound(listening, port, socket.SOCK_DGRAM)
            self.assertTrue(OwnServers(Clock()).serves(address), listening)

    def test_a_look_holds_for_a_moment(self) -> None:
        """Then the tables are read again."""
        clock = Clock()
        servers = OwnServers(clock)
        port = self.bound("127.0.0.1").getsockname()[1]
        address = PeerAddress("127.0.0.1", port)
        self.assertFalse(servers.serves(address))
        self.bound("127.0.0.1", port, socket.SOCK_DGRAM)
        self.assertFalse(servers.serves(address))
        clock.advance(1)
        self.assertTrue(servers.serves(address))

    def test_what_others_serve(self) -> None:
        """A port of another user does not count."""
        address = PeerAddress("127.0.0.1", listens(self))
        self.assertFalse(OwnServers(Clock()).serves(address))

    def test_who_dials(self) -> None:
        """A connection of ours is told from another user's."""
        server = self.bound("127.0.0.1")
        here = server.getsockname()
        with socket.create_connection(here) as dialling:
            self.assertTrue(is_ours(dialling.getsockname(), here))
            self.assertFalse(is_ours(("127.1.0.1", dialling.getsockname()[1]), here))

        def work(told: socket.socket) -> None:
            with socket.create_connection(here) as dialling:
                told.sendall(str(dialling.getsockname()[1]).encode())
                told.recv(1)

        port = int(other_user(self, work).recv(10))
        self.assertFalse(is_ours(("127.0.0.1", port), here))

    def test_who_dialled_and_is_gone(self) -> None:
        """What another user has closed already is theirs, though the kernel shows root for it."""
        server = self.bound("127.0.0.1")
        here = server.getsockname()

        def work(told: socket.socket) -> None:
            with socket.socket() as dialling:
                dialling.connect(here)
                port = dialling.getsockname()[1]
            told.sendall(str(port).encode())
            told.recv(1)

        port = int(other_user(self, work).recv(10))
        self.assertFalse(is_ours(("127.0.0.1", port), here))
        self.assertNotIn(owner_of(("127.0.0.1", port), here), {None, 0, os.geteuid()})

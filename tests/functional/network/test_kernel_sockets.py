"""Whose sockets on this machine are, by the kernel's tables."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from bitween.api.http.local_user import owner_of
from bitween.model.address import PeerAddress
from bitween.network import kernel_sockets
from bitween.network.kernel_sockets import OwnServers, is_ours, ours_among
from tests.support.other_user import listens, other_user


class KernelSocketTests(TestCase):
    """On loopback, where everybody on the machine may listen and dial."""

    def bound(self, host: str, port: int = 0, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """One of our sockets."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ours = socket.socket(family, kind)
        self.addCleanup(ours.close)
        ours.bind((host, port))
        if kind == socket.SOCK_STREAM:
            ours.listen()
        return ours

    def test_what_we_serve(self) -> None:
        """Our TCP and UDP sockets on one port count, at one address or all, in both families."""
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

    def test_the_kernels_tables_serve_without_netlink(self) -> None:
        """Where the kernel answers no questions, its tables tell the same."""

        def refuse() -> object:
            raise PermissionError

        self.patch(kernel_sockets, "SocketTable", refuse)
        self.test_what_we_serve()
        self.test_what_others_serve()
        self.test_our_connections_are_told_from_another_users()

    def test_a_look_is_quick(self) -> None:
        """It does not read the whole table of connections, which takes some ten milliseconds."""
        address = PeerAddress("127.0.0.1", self.bound("127.0.0.1").getsockname()[1])

        def spent(look: Callable[[], object]) -> float:
            began = time.thread_time()
            for _ in range(20):
                look()
            return time.thread_time() - began

        def read() -> None:
            for table in ("tcp", "tcp6"):
                with open(f"/proc/net/{table}", "rb") as file:
                    file.read()

        self.assertLess(spent(lambda: OwnServers(Clock()).serves(address)), spent(read))

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

    def test_our_connections_are_told_from_another_users(self) -> None:
        """Our user's connection is told from another user's."""
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

    def test_which_connections_are_ours(self) -> None:
        """Of those that stand, in both families; both ends count, before they are taken, too."""
        for host in ("127.0.0.1", "::1"):
            server = self.bound(host)
            here = server.getsockname()[:2]
            with socket.create_connection(here) as dialling:
                there = dialling.getsockname()[:2]
                both = {(there, here), (here, there)}
                self.assertEqual(ours_among(both), both)
                taken, _ = server.accept()
                self.addCleanup(taken.close)
                self.assertEqual(ours_among(both), both)
            self.assertEqual(ours_among(both), set())
            self.assertEqual(ours_among({(("127.0.0.1", 1), here)} if "." in host else ()), set())

    def test_which_connections_are_not(self) -> None:
        """Neither those that another user makes, nor those that another user's server has."""
        port = listens(self)
        with socket.create_connection(("127.0.0.1", port)) as dialling:
            here = dialling.getsockname()
            self.assertEqual(ours_among({(("127.0.0.1", port), here)}), set())
        server = self.bound("127.0.0.1")

        def work(told: socket.socket) -> None:
            with socket.create_connection(server.getsockname()) as dialling:
                told.sendall(str(dialling.getsockname()[1]).encode())
                told.recv(1)

        there = ("127.0.0.1", int(other_user(self, work).recv(10)))
        self.assertEqual(ours_among({(there, server.getsockname())}), set())

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

"""BitTorrent within one machine: our own daemons meet, and other users are kept out."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_network
from typing import Any, cast

import netifaces
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.events import ListeningChanged, PeerConnected, SwarmEvent
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash
from bitween.network.local_peers import LocalPeers
from bitween.network.loopback_gate import LoopbackGate
from tests.support.metainfo import metainfo
from tests.support.other_user import dials, hears
from tests.support.peer_protocol import handshake
from tests.support.swarms import LOOPBACK, SEALED, SwarmCase, address_of, read, when, write

EVERYWHERE = SwarmOptions(listen=("", 0), sealed=False, port_mapping=False)
SIZE = 3_000_000
NOBODY_HAS = InfoHash("ab" * 20)


def is_here(_: str) -> bool:
    """All of these tests is on this machine."""
    return True


class LocalPeersTests(SwarmCase):
    """Real sessions, which admit every address that they are dialled from."""

    async def guarded(self, options: SwarmOptions = LOOPBACK) -> Swarm:
        """A swarm that is guarded as in a daemon."""
        swarm = await self.start(options=options)
        gate = LoopbackGate(lambda: swarm.listening)
        peers = LocalPeers(cast(Any, reactor), gate, lambda: swarm.listening, is_here)
        peers.startService()
        self.addCleanup(peers.stopService)

        def did(event: SwarmEvent) -> None:
            if isinstance(event, PeerConnected):
                peers.connected((event.address, event.port))
            elif isinstance(event, ListeningChanged):
                gate.guard()

        swarm.events.subscribe(did)
        gate.guard()
        return swarm

    async def test_our_own_daemons_sealed(self) -> None:
        """Over TLS too, where libtorrent tells of a connection only once it may speak."""
        giver, getter = await self.guarded(SEALED), await self.guarded(SEALED)
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(SIZE))
        shared = await giver.share(metainfo(path), os.path.dirname(path), secret=bytes(32))
        await getter.download(shared.info_hash, "", self.folder("downloads"), seal=shared.seal)
        getter.offer_peers(shared.info_hash, [address_of(giver)])
        await when(getter, lambda: getter.library.get(shared.info_hash).complete)

    async def sharing(self, swarm: Swarm) -> tuple[str, InfoHash]:
        """Share a file; its path and info-hash."""
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(SIZE))
        return path, await self.share(swarm, path)

    async def test_our_own_daemons(self) -> None:
        """They connect as before, no matter which of them dials."""
        giver, getter = await self.guarded(), await self.guarded()
        path, info_hash = await self.sharing(giver)
        downloads = self.folder("downloads")
        await self.fetch(getter, info_hash, giver, folder=downloads)
        self.assertEqual(read(os.path.join(downloads, "film.mkv")), read(path))

    async def test_another_user_who_knows_the_hash(self) -> None:
        """No greeting is answered, from whichever address of the machine; the log says it once."""
        swarm = await self.guarded(EVERYWHERE)
        addresses = ["127.0.0.1", "127.0.0.7", *addresses_of_this_machine()]
        swarm.allow_peers_from([ip_network(address) for address in addresses])
        _, info_hash = await self.sharing(swarm)
        port = swarm.listening[0][1]
        with capturedLogs() as logged:
            for source in addresses:
                target = "127.0.0.1" if source.startswith("127.") else source
                answer = await dials(self, source, (target, port), handshake(info_hash))
                self.assertIn(answer, (b"closed", b"refused"), source)
        told = [event for event in logged if "another user" in str(event.get("log_format"))]
        self.assertEqual(len(told), 1)

    async def test_our_own_greeting(self) -> None:
        """The same from our own user is answered: so it is the user who makes the difference."""
        swarm = await self.guarded()
        _, info_hash = await self.sharing(swarm)
        self.assertIn(b"BitTorrent", await self.greeted(swarm, info_hash))

    def greeted(self, swarm: Swarm, info_hash: InfoHash) -> Deferred[bytes]:
        """What comes back for our greeting."""

        def greet() -> bytes:
            with socket.create_connection(swarm.listening[0], 5) as dialling:
                dialling.sendall(handshake(info_hash))
                return dialling.recv(100)

        return deferToThread(greet)

    async def test_another_user_at_a_port_that_was_ours(self) -> None:
        """Another user on a port that our user's daemon had is dialled, then disconnected."""
        swarm = await self.guarded()
        port, outcome = hears(self)
        await swarm.download(NOBODY_HAS, "", self.folder("downloads"))
        swarm.offer_peers(NOBODY_HAS, [PeerAddress("127.0.0.1", port)])
        self.assertEqual(await outcome, b"ended")


def addresses_of_this_machine() -> list[str]:
    """Loopback over IPv6, and those of the networks that it is in."""
    found = [
        entry["addr"]
        for name in netifaces.interfaces()
        for family in (netifaces.AF_INET, netifaces.AF_INET6)
        for entry in netifaces.ifaddresses(name).get(family, ())
    ]
    return [address for address in found if "%" not in address and address != "127.0.0.1"]


class StuckGate:
    """A gate of which the kernel wants to know nothing any more."""

    def __init__(self) -> None:
        self.asked = 0

    def admit(self, connection: socket.socket) -> None:
        """Fail, as where the connection has just ended."""
        del connection
        self.asked += 1
        raise OSError("it is not connected")


class StuckTests(SynchronousTestCase):
    """A gate that fails."""

    def test_each_connection_is_seen_to(self) -> None:
        """Nobody is let in, and one that fails keeps none of the others from being looked at."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        clock, gate = Clock(), StuckGate()
        port = listening.getsockname()[1]
        peers = LocalPeers(clock, gate, lambda: [("127.0.0.1", port)], is_here)
        peers.startService()
        self.addCleanup(peers.stopService)
        dialled = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(2)]
        for each in dialled:
            taken, address = listening.accept()
            self.addCleanup(taken.close)
            self.addCleanup(each.close)
            peers.connected(address)
        clock.advance(0)
        self.assertEqual([each.recv(1) for each in dialled], [b"", b""])
        self.assertEqual(gate.asked, 2)

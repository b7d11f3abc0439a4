"""Who gets in: a real session, and those who try."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, cast

import libtorrent as lt
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.ip_filter import PAUSE, IpFilter
from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.events import SwarmEvent, TorrentAdded
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.model.torrent_options import Limits
from tests.support.fakes.loopback import listen
from tests.support.peer_protocol import handshake
from tests.support.swarms import HERE, LOOPBACK, SwarmCase, address_of, when, write
from tests.support.waiting import in_time

UTP: lt.settings_pack = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_tcp": False,
    "utp_connect_timeout": 100,
    "peer_connect_timeout": 1,
}
ABSENT = parse_info_hash("a" * 40)
ONE, OTHER = ip_network("20.0.0.1"), ip_network("2a0e:b107::/64")


class DoorTests(SynchronousTestCase):
    """What libtorrent is told."""

    def setUp(self) -> None:
        """Have a door."""
        self.clock = Clock()
        self.told: list[lt.ip_filter] = []
        self.door = IpFilter(self.clock, self.told.append)

    def open_to(self, *addresses: str) -> list[bool]:
        """Whether each may come in, as libtorrent was told last."""
        return [self.told[-1].access(address) == 0 for address in addresses]

    def test_no_address_is_admitted_at_first(self) -> None:
        """Nobody is let in."""
        self.assertEqual(self.open_to("127.0.0.1", "192.168.1.1", "::1", "2a00::1"), [False] * 4)

    def test_only_admitted_networks_pass(self) -> None:
        """Who is named gets in, and nobody beside."""
        self.door.allow([ONE, OTHER])
        self.clock.advance(0)
        self.assertEqual(
            self.open_to("20.0.0.1", "2a0e:b107::5", "20.0.0.2", "2a0e:b107:0:1::5"),
            [True, True, False, False],
        )
        self.door.deny([ONE])
        self.door.flush()
        self.assertEqual(self.open_to("20.0.0.1", "2a0e:b107::5"), [False, True])

    def test_many_at_once(self) -> None:
        """Changes of one turn are handed over together, and those right after a little later."""
        for _ in range(3):
            self.door.allow([ONE])
        self.clock.advance(0)
        self.assertEqual(len(self.told), 2)
        self.door.allow([OTHER])
        self.clock.advance(PAUSE / 2)
        self.assertEqual(len(self.told), 2)
        self.clock.advance(PAUSE / 2)
        self.assertEqual(len(self.told), 3)

    def test_dialling_waits_until_the_filter_is_set(self) -> None:
        """An address is dialled only after libtorrent has the filter that allows it."""
        dialled: list[int] = []
        self.door.after_flush(lambda: dialled.append(len(self.told)))
        self.door.allow([ONE])
        self.door.after_flush(lambda: dialled.append(len(self.told)))
        self.clock.advance(0)
        self.assertEqual(dialled, [1, 2])

    def test_nothing_is_set_or_dialled_after_the_end(self) -> None:
        """At the end nothing more is told, and nobody dialled."""
        self.door.allow([ONE])
        self.door.after_flush(lambda: self.fail("dialled"))
        self.door.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class _Stranger(Protocol):
    """Sends something, and keeps what it is told until the connection ends."""

    transport: ITransport

    def __init__(self, sends: bytes) -> None:
        self._sends = sends
        self.heard = b""
        self.answered: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self._sends)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) >= 68 and not self.answered.called:
            self.answered.callback(self.heard)
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        if not self.answered.called:
            self.answered.callback(self.heard)


class _Greeted(Protocol):
    """Listens until a peer sends something."""

    transport: ITransport

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        if not self.heard.called:
            self.heard.callback(data)
            self.transport.loseConnection()


class StrangerTests(SwarmCase):
    """Real connections."""

    async def shared(self) -> tuple[Swarm, InfoHash]:
        """A swarm that shares a file, and answers who asks for it."""
        swarm = await self.start()
        path = write(os.path.join(self.folder(), "file"), os.urandom(300_000))
        info_hash = await self.share(swarm, path)
        while not await self.knock(swarm, handshake(info_hash)):
            pass  # libtorrent is still loading it
        return swarm, info_hash

    async def knock(self, swarm: Swarm, sends: bytes) -> bytes:
        """Dial it, send something, and wait for an answer or the end."""
        stranger = _Stranger(sends)
        port = address_of(swarm).port
        endpoint = HostnameEndpoint(cast(Any, reactor), "127.0.0.1", port)
        await endpoint.connect(Factory.forProtocol(lambda: stranger))
        return await stranger.answered

    async def refused(self, swarm: Swarm, sends: bytes) -> None:
        """Dial it until it no longer answers, which is when libtorrent was told."""
        while await self.knock(swarm, sends):
            pass

    async def test_a_stranger_hears_nothing(self) -> None:
        """Who is not let in is cut off, before a byte of the handshake is answered."""
        swarm, info_hash = await self.shared()
        answer = await self.knock(swarm, handshake(info_hash))
        self.assertEqual(answer[1:20], b"BitTorrent protocol", "as long as he is let in")
        swarm.deny_peers_from([HERE])
        swarm.allow_peers_from([ONE])
        await self.refused(swarm, handshake(info_hash))
        self.assertEqual(await self.knock(swarm, os.urandom(96)), b"", "nor if it is encrypted")

    async def test_nobody_at_first(self) -> None:
        """A swarm that was told of nobody lets nobody in."""
        swarm = self.new_swarm()
        swarm.startService()
        self.addCleanup(self.stop, swarm)
        await swarm.ready
        path = write(os.path.join(self.folder(), "file"), b"content")
        info_hash = await self.share(swarm, path)
        self.assertEqual(await self.knock(swarm, handshake(info_hash)), b"")

    async def test_from_now_on(self) -> None:
        """Who comes by relay is dialled from here at once, whatever was said a moment before."""
        swarm, info_hash = await self.shared()
        swarm.deny_peers_from([HERE])
        await self.refused(swarm, handshake(info_hash))
        swarm.allow_peers_from([ONE])
        swarm.allow_peers_from([HERE])
        swarm.flush_ip_filter()
        self.assertTrue(await self.knock(swarm, handshake(info_hash)))

    async def test_a_stranger_is_refused_over_utp_too(self) -> None:
        """Over UDP it is no other."""
        swarm, info_hash = await self.shared()
        self.assertTrue(self.meet_over_utp(swarm, info_hash))
        swarm.deny_peers_from([HERE])
        await self.refused(swarm, handshake(info_hash))
        self.assertFalse(self.meet_over_utp(swarm, info_hash))

    async def test_outgoing_connections_begin_with_an_encrypted_handshake(self) -> None:
        """A dialled peer gets an encrypted handshake, from the first try on."""
        swarm, greeted = await self.start(), _Greeted()
        address = PeerAddress("127.0.0.1", listen(self, Factory.forProtocol(lambda: greeted)))

        def told(event: SwarmEvent) -> None:
            # Libtorrent treats those who are named with a new torrent otherwise than later ones.
            if isinstance(event, TorrentAdded):
                swarm.offer_peers(ABSENT, [address])

        swarm.events.subscribe(told)
        await swarm.download(ABSENT, "", self.folder("downloads"))
        self.assertNotIn(b"BitTorrent", await greeted.heard)

    def meet_over_utp(self, swarm: Swarm, info_hash: InfoHash) -> bool:
        """
        Have a bare session dial a swarm.

        :returns: whether they got to talk before the connection ended.
        """
        mask = lt.alert_category.status | lt.alert_category.connect
        bare = lt.session({**UTP, "alert_mask": mask}, 0)
        bare.add_extension("ut_metadata")
        params = lt.add_torrent_params()
        params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(info_hash)))
        params.save_path = self.folder()
        address = address_of(swarm)
        params.peers = [(address.address, address.port)]
        bare.add_torrent(params)
        while True:
            self.assertTrue(bare.wait_for_alert(10_000), "nothing happened")
            for alert in bare.pop_alerts():
                if isinstance(alert, lt.metadata_received_alert):
                    return True
                if isinstance(alert, lt.peer_disconnected_alert):
                    return False

    async def test_who_is_there_is_cut_off(self) -> None:
        """Who is no longer let in has to leave."""
        alice, info_hash = await self.shared()
        bob = await self.start(options=replace(LOOPBACK, limits=Limits(download=20_000)))
        await bob.download(info_hash, "", self.folder("downloads"))
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(alice, lambda: alice.library.get(info_hash).progress.peers == 1)
        alice.deny_peers_from([HERE])
        await when(alice, lambda: alice.library.get(info_hash).progress.peers == 0)

    async def test_only_admitted_peers_are_dialled(self) -> None:
        """A refused peer is not dialled; once it is admitted, it is."""
        alice, info_hash = await self.shared()
        bob = await self.start()
        bob.deny_peers_from([HERE])
        refused, admitted = _Greeted(), _Greeted()
        offered = [self.place("127.0.0.3", refused), self.place("127.0.0.2", admitted)]
        bob.allow_peers_from([ip_network("127.0.0.2")])
        await bob.download(info_hash, "", self.folder("downloads"))

        def offer(event: SwarmEvent) -> None:
            if isinstance(event, TorrentAdded):
                bob.offer_peers(info_hash, offered)

        bob.events.subscribe(offer)
        bob.offer_peers(info_hash, offered)
        await in_time(admitted.heard, "the admitted peer is dialled")
        self.assertFalse(refused.heard.called, "the refused peer was dialled")
        bob.allow_peers_from([ip_network("127.0.0.1")])
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertFalse(refused.heard.called, "the refused peer was dialled")

    def place(self, host: str, protocol: Protocol) -> PeerAddress:
        """Listen on an address of loopback until the test's end."""
        factory = Factory.forProtocol(lambda: protocol)
        port = cast(Any, reactor).listenTCP(0, factory, interface=host)
        self.addCleanup(port.stopListening)
        return PeerAddress(host, port.getHost().port)

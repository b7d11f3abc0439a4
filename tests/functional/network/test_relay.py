"""What goes between a local address and a stream."""

from __future__ import annotations

import resource as usage
import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet import error, reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.traffic import Traffic
from bitween.network import relay
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.pipe import BUFFER
from bitween.network.relay import Relay
from tests.support.fakes.loopback import CLOSED_PORT, listen
from tests.support.fakes.streams import FakeStreams
from tests.support.other_user import dials
from tests.support.waiting import reactor_turn

ALICE, BOB = ("alice@a.example", "desk"), ("bob@b.example", "laptop")
PORTION = bytes(1 << 16)


class StuckGate(LoopbackGate):
    """A gate of a system that takes no further filter."""

    def allow(self, source: tuple[str, int]) -> None:
        """Fail, but for what that has changed already."""
        self._allowed[source] = None
        raise BitweenError("no filter")


@implementer(IHalfCloseableProtocol)
class Talker(Protocol):
    """Takes what comes, and can be waited for."""

    transport: Any

    def __init__(self) -> None:
        self.heard = bytearray()
        self.made: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()
        self.over: Deferred[None] = Deferred()
        self.no_more: Deferred[None] = Deferred()
        self._wanted = 0
        self._enough: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Note it."""
        self.made.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        if self._enough is not None and len(self.heard) >= self._wanted:
            enough, self._enough = self._enough, None
            enough.callback(None)

    def hears(self, size: int) -> Deferred[None]:
        """Fires when so much has come."""
        self._wanted, self._enough = size, Deferred()
        self.dataReceived(b"")
        return self._enough or _now()

    async def ended(self) -> None:
        """Wait until the other side has gone, and go, too."""
        await self.over
        self.transport.loseConnection()

    def readConnectionLost(self) -> None:
        """Note that the other side sends nothing further."""
        self.no_more.callback(None)
        self.over.callback(None)

    def writeConnectionLost(self) -> None:
        """Do nothing."""

    def connectionLost(self, _reason: object = None) -> None:
        """Note it."""
        self.gone.callback(None)
        if not self.over.called:
            self.over.callback(None)


class Pusher:
    """Writes as fast as it is let."""

    def __init__(self, transport: Any) -> None:
        self.written = 0
        self.paused: Deferred[None] = Deferred()
        self._transport = transport
        self._going = True
        transport.registerProducer(self, True)
        self._write()

    def pauseProducing(self) -> None:
        """Stop for now."""
        self._going = False
        if not self.paused.called:
            self.paused.callback(None)

    def resumeProducing(self) -> None:
        """Go on."""
        self._going = True
        self._write()

    def stopProducing(self) -> None:
        """Stop for good."""
        self._going = False

    def _write(self) -> None:
        while self._going:
            self._transport.write(PORTION)
            self.written += len(PORTION)


def _now() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    done.callback(None)
    return done


class RelayCase(TestCase):
    """Alice and Bob, each with a relay; Talkers stand for their libtorrents."""

    def setUp(self) -> None:
        """Introduce them; Bob's BitTorrent port takes connections."""
        self.streams = {who: FakeStreams(self, *who) for who in (ALICE, BOB)}
        self.streams[ALICE].introduce(self.streams[BOB])
        self.placed: list[set[str]] = []
        self.taken: list[Talker] = []
        self.took: Deferred[Talker] = Deferred()
        self.port = listen(self, Factory.forProtocol(self._take))
        self.target: PeerAddress | None = PeerAddress("127.0.0.1", self.port)
        self.gate = LoopbackGate(lambda: [("127.0.0.1", self.port)])
        self.alice = self.relay(ALICE)
        self.bob = self.relay(BOB)

    def relay(self, who: tuple[str, str]) -> Relay:
        """A relay that runs until the test's end."""
        relay = Relay(reactor, self.streams[who], lambda: self.target, self.gate)
        relay.hosts_changed.subscribe(lambda hosts: self.placed.append(set(hosts)))
        relay.startService()
        self.addCleanup(self.stop, relay)
        return relay

    async def stop(self, service: Service) -> None:
        """Stop it, and let its connections go."""
        if service.running:
            service.stopService()
        await reactor_turn()
        await reactor_turn()

    async def dial(self, address: PeerAddress) -> Talker:
        """Dial as libtorrent does."""
        talker = Talker()
        await connectProtocol(TCP4ClientEndpoint(reactor, address.address, address.port), talker)
        self.addCleanup(talker.transport.abortConnection)
        return talker

    async def joined(self) -> tuple[Talker, Talker]:
        """Alice's libtorrent and Bob's, with a stream in between."""
        near = await self.dial(self.alice.local_address(*BOB))
        far = await self.took
        await far.made
        self.addCleanup(far.transport.abortConnection)
        return near, far

    def _take(self) -> Talker:
        talker = Talker()
        self.took.callback(talker)
        return talker


class BridgeTests(RelayCase):
    """What libtorrent sees."""

    async def test_bytes_go_both_ways_and_are_counted(self) -> None:
        """All of them, in order, and booked to the contact on either side."""
        near, far = await self.joined()
        near.transport.write(b"hello " * 1000)
        await far.hears(6000)
        far.transport.write(b"world")
        await near.hears(5)
        self.assertEqual((bytes(far.heard), bytes(near.heard)), (b"hello " * 1000, b"world"))
        self.assertEqual(self.alice.traffic(BOB[0]), Traffic(5, 6000))
        self.assertEqual(self.bob.traffic(ALICE[0]), Traffic(6000, 5))
        self.assertEqual(self.alice.traffic("else@x.example"), Traffic())

    async def test_whoever_comes_by_relay_is_known_by_the_address(self) -> None:
        """On both sides; and nobody is until there is something."""
        address = self.alice.local_address(*BOB)
        self.assertEqual(address, self.alice.local_address(*BOB))
        self.assertTrue(address.is_loopback)
        self.assertEqual(self.alice.device_at(address.address), BOB)
        self.assertIsNone(self.bob.device_at("127.1.0.1"))
        _, far = await self.joined()
        self.assertEqual(self.bob.device_at(far.transport.getPeer().host), ALICE)
        other = self.alice.local_address(BOB[0], "phone")
        self.assertNotEqual(other.address, address.address)
        self.assertEqual(self.alice.device_at(other.address), (BOB[0], "phone"))

    def test_places_are_told(self) -> None:
        """The allowlist learns each place before a connection comes from there."""
        address = self.alice.local_address(*BOB)
        self.alice.disconnect(*BOB)
        self.assertEqual(self.placed, [{address.address}, set()])

    async def test_an_address_is_not_given_to_another_soon(self) -> None:
        """Peers are remembered by it."""
        first = self.alice.local_address(*BOB)
        self.alice.disconnect(*BOB)
        self.assertIsNone(self.alice.device_at(first.address))
        self.assertNotEqual(self.alice.local_address("x@y", "z").address, first.address)

    async def test_one_direction_is_closed_alone(self) -> None:
        """What comes back is still passed on."""
        near, far = await self.joined()
        near.transport.write(b"request")
        near.transport.loseWriteConnection()
        await far.no_more
        self.assertEqual(bytes(far.heard), b"request")
        far.transport.write(b"answer")
        far.transport.loseConnection()
        await near.ended()
        self.assertEqual(bytes(near.heard), b"answer")

    async def test_an_abort_is_passed_on(self) -> None:
        """The other side's connection goes, too."""
        near, far = await self.joined()
        far.transport.abortConnection()
        await near.ended()

    async def test_what_is_idle_makes_room(self) -> None:
        """Where streams are too many, the one that has been idle longest ends; none in use does."""
        first, _ = await self.joined()
        self.took = Deferred()
        second, far = await self.joined()
        second.transport.write(b"more")
        await far.hears(4)
        self.streams[ALICE].make_room(BOB[0])
        await reactor_turn()
        self.assertFalse(first.over.called or second.over.called)
        self.patch(relay, "IDLE", 0.0)
        self.streams[ALICE].make_room(BOB[0])
        await first.ended()
        second.transport.write(b"!")
        await far.hears(5)

    async def test_a_stream_that_cannot_be_opened_ends_the_connection(self) -> None:
        """So that libtorrent tries elsewhere."""
        self.streams[ALICE].refusing = True
        near = await self.dial(self.alice.local_address(*BOB))
        await near.gone
        self.assertEqual(self.streams[ALICE].opened, 1)

    async def test_without_a_port_of_ours_streams_are_refused(self) -> None:
        """The other side's connection ends."""
        self.target = None
        near = await self.dial(self.alice.local_address(*BOB))
        near.transport.write(b"hello")
        await near.ended()

    async def test_a_port_that_refuses_ends_the_stream(self) -> None:
        """And with it the connection on the other side."""
        self.target = PeerAddress("127.0.0.1", CLOSED_PORT)
        near = await self.dial(self.alice.local_address(*BOB))
        near.transport.write(b"hello")
        await near.ended()

    async def test_a_gate_that_fails_ends_the_stream(self) -> None:
        """Whom we cannot tell from other users of this machine, we do not let in."""
        self.bob.stopService()
        self.gate = StuckGate(lambda: [("127.0.0.1", self.port)])
        self.bob = self.relay(BOB)
        near = await self.dial(self.alice.local_address(*BOB))
        near.transport.write(b"hello")
        await near.ended()

    async def test_a_device_that_leaves_is_cut_off(self) -> None:
        """Both connections end, and nothing listens at its address; leaving again is no error."""
        near, far = await self.joined()
        place = self.alice.local_address(*BOB)
        self.alice.disconnect(*BOB)
        await near.ended()
        await far.ended()
        await self.assertFailure(ensureDeferred(self.dial(place)), error.ConnectionRefusedError)
        self.alice.disconnect(*BOB)

    async def test_a_stop_cuts_everything_off(self) -> None:
        """On the side that answers, too."""
        near, far = await self.joined()
        self.bob.stopService()
        await far.ended()
        await near.ended()


class OtherUserTests(RelayCase):
    """Another user of this machine knows the relay's addresses: everybody does."""

    async def test_who_dials_the_local_address_of_a_contact(self) -> None:
        """No stream is opened for another user, whom the log names once; for us it is."""
        place = self.alice.local_address(*BOB)
        with capturedLogs() as warned:
            for source in ("127.0.0.1", "127.1.0.1"):
                answer = await dials(self, source, (place.address, place.port), b"hello")
                self.assertIn(answer, (b"closed", b"refused"))
        self.assertEqual(self.streams[ALICE].opened, 0)
        told = [event for event in warned if "another user" in str(event.get("log_format"))]
        self.assertEqual(len(told), 1)
        await self.joined()
        self.assertEqual(self.streams[ALICE].opened, 1)

    async def test_who_dials_us_from_there(self) -> None:
        """
        No connection of another user comes in from a place of the relay.

        Neither while one of our own connections exists there, nor once it is gone.  From elsewhere
        on the machine a connection can be made, but nothing is heard over it.
        """
        near, far = await self.joined()
        source = far.transport.getPeer().host
        here = ("127.0.0.1", self.port)
        answers = [dials(self, place, here, b"hello") for place in (source, "127.1.77.7")]
        self.assertEqual(await gatherResults(answers), [b"refused", b"refused"])
        near.transport.write(b"hello")
        await far.hears(5)
        near.transport.loseConnection()
        await far.ended()
        await near.gone
        self.took = Deferred()
        answers = [dials(self, place, here, b"hello") for place in (source, "127.0.0.1")]
        talker = await self.took
        await talker.made
        self.assertEqual(talker.transport.getPeer().host, "127.0.0.1")
        # Its connection is made, but it gets no answer.
        self.assertEqual(await gatherResults(answers), [b"refused", b"refused"])
        self.assertEqual(bytes(talker.heard), b"")
        talker.transport.abortConnection()
        await talker.gone

    async def test_sockets_that_come_later(self) -> None:
        """What begins to listen is guarded as soon as that is told."""
        self.alice.local_address(*BOB)
        later = listen(self, Factory.forProtocol(self._take))
        gate = LoopbackGate(lambda: [("127.0.0.1", later)])
        gate.guard()
        self.assertEqual(await dials(self, "127.1.0.1", ("127.0.0.1", later), b""), b"refused")

    def test_other_users_datagrams_are_dropped(self) -> None:
        """Nothing comes over UDP, which BitTorrent takes at the same port."""
        with socket.socket(type=socket.SOCK_DGRAM) as ours:
            ours.bind(("127.0.0.1", 0))
            ours.setblocking(False)
            LoopbackGate(lambda: [ours.getsockname()]).guard()
            for source in ("127.1.0.1", "127.0.0.1"):
                with socket.socket(type=socket.SOCK_DGRAM) as sending:
                    sending.bind((source, 0))
                    sending.sendto(source.encode(), ours.getsockname())
            # What is sent within a machine is there at once.
            self.assertRaises(BlockingIOError, ours.recv, 100)


class PressureTests(RelayCase):
    """A fast writer and a reader who has stopped."""

    async def test_little_is_held_for_a_reader_who_stands_still(self) -> None:
        """The writer is held up, and then everything arrives."""
        near, far = await self.joined()
        far.transport.pauseProducing()
        before = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss
        pusher = Pusher(near.transport)
        # The kernel holds some megabytes of each of the three connections.
        while not await self._stands(pusher):
            pass
        held = self._held()
        self.assertLessEqual(held, 4 * 2 * BUFFER)
        grown = (usage.getrusage(usage.RUSAGE_SELF).ru_maxrss - before) * 1024
        self.assertLess(grown, 32 << 20)
        far.transport.resumeProducing()
        written = pusher.written
        await far.hears(written)
        pusher.stopProducing()
        near.transport.unregisterProducer()

    async def _stands(self, pusher: Pusher) -> bool:
        before = pusher.written
        for _ in range(100):
            await reactor_turn()
        return pusher.written == before

    def _held(self) -> int:
        """What the pipes hold in memory."""
        return sum(
            len(end.transport.dataBuffer) + end.transport._tempDataLen - end.transport.offset  # noqa: SLF001  # Twisted's
            for relay in (self.alice, self.bob)
            for place in relay._places.values()  # noqa: SLF001  # what a relay holds in memory
            for pipe in place.pipes
            for end in (pipe.near, pipe.far)
        )

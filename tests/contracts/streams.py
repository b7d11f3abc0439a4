"""The contract of ``RelayStreams``; the fake and the real ones keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from bitween.errors import RequestRefused
from bitween.model.route import RelayRoute
from bitween.network.relay_ports import RelayStream, RelayStreams

TIMEOUT = 60


class Talker(Protocol):
    """Takes what comes, and can be waited for."""

    transport: Any

    def __init__(self) -> None:
        self.heard = bytearray()
        self.gone: Deferred[None] = Deferred()
        self._wanted = 0
        self._enough: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data
        if self._wanted and len(self.heard) >= self._wanted and not self._enough.called:
            self._enough.callback(None)

    def hears(self, size: int) -> Deferred[None]:
        """Fires when so much has come."""
        self._wanted, self._enough = size, Deferred()
        self._enough.addTimeout(TIMEOUT, reactor)
        self.dataReceived(b"")
        return self._enough

    def connectionLost(self, _reason: object = None) -> None:
        """Note it."""
        self.gone.callback(None)


@dataclass
class Side:
    """One of two who have streams."""

    streams: RelayStreams
    jid: str
    resource: str
    taken: list[RelayStream] = field(default_factory=list)
    waiting: list[Deferred[RelayStream]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams.accept(self._take)

    def accepts(self) -> Deferred[RelayStream]:
        """Fires with the next stream that the other side opens."""
        done: Deferred[RelayStream] = Deferred()
        done.addTimeout(TIMEOUT, reactor)
        if self.taken:
            done.callback(self.taken.pop(0))
        else:
            self.waiting.append(done)
        return done

    def _take(self, stream: RelayStream) -> None:
        if self.waiting:
            self.waiting.pop(0).callback(stream)
        else:
            self.taken.append(stream)


# A mixin, so that trial does not take the contract itself for tests.
if TYPE_CHECKING:
    _Base = TestCase
else:
    _Base = object


class StreamsContract(_Base):
    """The tests; a subclass says of which streams."""

    expected = RelayRoute("proxy.localhost")

    async def sides(self) -> tuple[Side, Side]:
        """Two who may have streams with each other."""
        raise NotImplementedError

    async def talk(self, alice: Side, bob: Side) -> tuple[Talker, Talker]:
        """A stream that Alice opens, and who speaks over it at either end."""
        ours = await alice.streams.open(bob.jid, bob.resource)
        theirs = await bob.accepts()
        self.assertEqual((ours.jid, ours.resource), (bob.jid, bob.resource))
        self.assertEqual((theirs.jid, theirs.resource), (alice.jid, alice.resource))
        talkers = Talker(), Talker()
        ours.begin(talkers[0])
        theirs.begin(talkers[1])
        return talkers

    async def part(self, *talkers: Talker) -> None:
        """End a stream."""
        talkers[0].transport.loseConnection()
        for talker in talkers:
            await talker.gone

    async def test_the_passage_is_known(self) -> None:
        """So that it can be shown."""
        alice, bob = await self.sides()
        relay = await alice.streams.find_relay(bob.jid, bob.resource)
        self.assertEqual(relay, self.expected)

    async def test_bytes_go_both_ways(self) -> None:
        """All of them, in order."""
        alice, bob = await self.sides()
        ours, theirs = await self.talk(alice, bob)
        text = bytes(range(256)) * 20
        ours.transport.write(text)
        await theirs.hears(len(text))
        theirs.transport.write(text[::-1])
        await ours.hears(len(text))
        self.assertEqual((bytes(ours.heard), bytes(theirs.heard)), (text[::-1], text))
        await self.part(ours, theirs)

    async def test_nothing_is_lost_that_comes_before_somebody_listens(self) -> None:
        """It waits."""
        alice, bob = await self.sides()
        stream, talker = await alice.streams.open(bob.jid, bob.resource), Talker()
        stream.begin(talker)
        talker.transport.write(b"hello")
        theirs, listener = await bob.accepts(), Talker()
        theirs.begin(listener)
        await listener.hears(5)
        await self.part(talker, listener)

    async def test_both_may_open_streams(self) -> None:
        """Several at once."""
        alice, bob = await self.sides()
        pairs = [await self.talk(alice, bob), await self.talk(bob, alice)]
        for ours, theirs in pairs:
            ours.transport.write(b"x")
            await theirs.hears(1)
        for pair in pairs:
            await self.part(*pair)

    async def test_what_one_side_ends_ends_for_the_other(self) -> None:
        """Also when it is the side that accepted, and did not wait."""
        alice, bob = await self.sides()
        ours, theirs = await self.talk(alice, bob)
        theirs.transport.abortConnection()
        await ours.gone
        await theirs.gone

    async def test_who_is_not_there_is_refused(self) -> None:
        """With an error in words."""
        alice, bob = await self.sides()
        with self.assertRaises(RequestRefused):
            await alice.streams.open(bob.jid, "nowhere")

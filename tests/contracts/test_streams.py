"""What every ``RelayStreams`` has to do: the real ones on private servers, and the fake ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from bitween.errors import NotConnected, RequestRefused
from bitween.model.events import PresenceChanged
from bitween.model.relay_route import RelayRoute
from bitween.network.relay import RelayStream, RelayStreams
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.client import Account
from bitween.xmpp.streams.stream_limits import MAX_OF_CONTACT
from tests.contracts.test_messenger import Person
from tests.support.fakes.streams import FakeStreams
from tests.support.private_ejabberd import ejabberd_or_skip
from tests.support.two_domains import TwoDomains

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
        passage = await alice.streams.passage(bob.jid, bob.resource)
        self.assertEqual(passage, self.expected)

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


class FakeStreamsTests(StreamsContract, TestCase):
    """The fake keeps the contract."""

    async def sides(self) -> tuple[Side, Side]:
        """Two fakes."""
        alice = FakeStreams(self, "alice@localhost", "laptop")
        bob = FakeStreams(self, "bob@localhost", "laptop")
        alice.introduce(bob)
        return Side(alice, alice.jid, "laptop"), Side(bob, bob.jid, "laptop")


class RealStreamsContract(StreamsContract):
    """The real ones keep it, on real servers."""

    server: PrivateServer

    def make_server(self) -> PrivateServer:
        """Make a server."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Start a server without accounts."""
        self.server = self.make_server()
        self.addCleanup(self.server.close)
        self.server.start()

    def accounts(self) -> tuple[str, str]:
        """Make two accounts."""
        return self.server.add_account("alice", "secret"), self.server.add_account("bob", "secret")

    def person(self, jid: str) -> tuple[Person, Messenger]:
        """A messenger that is not started."""
        with open(self.server.ca_file, "rb") as file:
            ca_pem = file.read()
        server = (self.server.host, self.server.port)
        account = Account(f"{jid}/laptop", "secret", server, ca_pem)
        messenger = Messenger(reactor, account, self.fail, in_band_limit=100_000)
        self.addCleanup(messenger.client.stopService)
        client = messenger.client
        return Person(messenger, client.startService, client.stopService), messenger

    async def two(self) -> tuple[tuple[Person, Messenger], tuple[Person, Messenger]]:
        """Two who are online and do not know each other."""
        people = [self.person(jid) for jid in self.accounts()]
        for person, _ in people:
            person.start()
            await person.online()
        return people[0], people[1]

    async def sides(self) -> tuple[Side, Side]:
        """Two contacts who see each other."""
        (alice, of_alice), (bob, of_bob) = await self.two()
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: bob.contact(alice) is not None)
        await bob.messenger.accept_contact(alice.jid)
        for one, other in ((alice, bob), (bob, alice)):
            await one.until(_sees(one, other))
        return Side(of_alice.streams, alice.jid, "laptop"), Side(of_bob.streams, bob.jid, "laptop")

    async def test_strangers_have_no_streams(self) -> None:
        """They learn no more than that of somebody who knows no streams."""
        (alice, of_alice), (bob, of_bob) = await self.two()
        Side(of_bob.streams, bob.jid, "laptop")
        with self.assertRaises(RequestRefused) as caught:
            await of_alice.streams.open(bob.jid, "laptop")
        self.assertIn("service-unavailable", str(caught.exception))
        self.assertEqual(alice.jid, of_alice.own_jid)

    async def test_a_contact_has_not_too_many(self) -> None:
        """Those that have ended count no longer; room is asked for where one is refused."""
        alice, bob = await self.sides()
        crowded: list[str] = []
        alice.streams.when_crowded(crowded.append)
        pairs = [await self.talk(alice, bob) for _ in range(MAX_OF_CONTACT)]
        self.assertEqual(crowded, [])
        with self.assertRaises(RequestRefused):
            await alice.streams.open(bob.jid, bob.resource)
        self.assertEqual(crowded, [bob.jid])
        with self.assertRaises(RequestRefused):
            await bob.streams.open(alice.jid, alice.resource)
        await self.part(*pairs.pop())
        pairs.append(await self.talk(alice, bob))
        for pair in pairs:
            await self.part(*pair)

    async def test_without_a_session_there_is_none(self) -> None:
        """That is said at once."""
        _, messenger = self.person(self.accounts()[0])
        with self.assertRaises(NotConnected):
            await messenger.streams.open("bob@localhost", "laptop")


def _sees(one: Person, other: Person) -> Callable[[], bool]:
    return lambda: (
        one.friends_with(other)
        and any(isinstance(event, PresenceChanged) and event.jid == other.jid for event in one.told)
    )


class ProsodyStreamsTests(RealStreamsContract, TestCase):
    """Through Prosody's proxy."""

    def make_server(self) -> PrivateServer:
        """Make a Prosody."""
        return PrivateProsody(limits=True)


class EjabberdStreamsTests(RealStreamsContract, TestCase):
    """Through ejabberd's proxy."""

    def make_server(self) -> PrivateServer:
        """Make an ejabberd."""
        return ejabberd_or_skip()


class TwoDomainsContract(RealStreamsContract):
    """Alice and Bob have accounts in two domains, one of which relays, for its own users."""

    server: TwoDomains

    def make_server(self) -> PrivateServer:
        """Make a Prosody with two domains."""
        return TwoDomains(limits=True)


class OurProxyStreamsTests(TwoDomainsContract, TestCase):
    """Alice's server relays, and will not tell Bob where."""

    def accounts(self) -> tuple[str, str]:
        """Bob is elsewhere."""
        alice = self.server.add_account("alice", "secret")
        return alice, self.server.add_account_elsewhere("bob", "secret")


class TheirProxyStreamsTests(TwoDomainsContract, TestCase):
    """Bob's server relays, and will not relay for Alice."""

    def accounts(self) -> tuple[str, str]:
        """Alice is elsewhere."""
        alice = self.server.add_account_elsewhere("alice", "secret")
        return alice, self.server.add_account("bob", "secret")


class InBandStreamsTests(TwoDomainsContract, TestCase):
    """Neither server relays."""

    expected = RelayRoute(most=100_000)

    def accounts(self) -> tuple[str, str]:
        """Both are elsewhere."""
        alice = self.server.add_account_elsewhere("alice", "secret")
        return alice, self.server.add_account_elsewhere("bob", "secret")

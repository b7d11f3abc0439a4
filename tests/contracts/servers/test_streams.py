"""The contract of ``RelayStreams``, kept by the real ones on private servers."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from bitween.errors import NotConnected, RequestRefused
from bitween.model.events import PresenceChanged
from bitween.model.route import RelayRoute
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.xmpp.messenger import Messenger, MessengerOptions
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from bitween.xmpp.streams.stream_limits import MAX_OF_CONTACT
from tests.contracts.streams import Side, StreamsContract
from tests.support.person import Person
from tests.support.private_ejabberd import ejabberd_or_skip
from tests.support.two_domains import TwoDomains


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
        client = Client(reactor, account, self.fail)
        messenger = Messenger(reactor, client, MessengerOptions(in_band_limit=100_000))
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
        """They get the answer of a client without streams."""
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

"""Long lists between real messengers on a real Prosody: followed, taken up, never in the way."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase
from twisted.words.protocols.jabber.xmlstream import IQ

from bitween.app.application import ApplicationOptions, Bitween
from bitween.model.address import PeerAddress
from bitween.model.announcement import MAX_SHARES, Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.contact import Subscription
from bitween.model.events import ListingReceived, MessengerEvent
from bitween.model.share_list import ListMemory
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.namespaces import NS_PING
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.fakes.lists import Memory, numbered
from tests.support.fakes.ports import ports_around
from tests.support.waiting import described, until

# wokkel can only be imported once the shim of bitween.xmpp has run.

COUNT = 3000
#: So many that reading them takes minutes at the pace that servers allow.
MANY = MAX_SHARES
HERE = [Candidate(PeerAddress.parse("127.0.0.1", 6881))]
#: bytes/s; the budget of a client whose server sets no limit, so that the tests are quick.
RATE = 2_000_000


class _Side:
    """One person's messenger and catalogue."""

    def __init__(self, prosody: PrivateProsody, user: str, memory: ListMemory | None) -> None:
        with open(prosody.ca_file, "rb") as file:
            ca_pem = file.read()
        account = Account(
            f"{user}@{prosody.domain}/laptop", "secret", (prosody.host, prosody.port), ca_pem
        )
        self.messenger = Messenger(reactor, Client(reactor, account, lambda _: None), memory=memory)
        self.told: list[MessengerEvent] = []
        self.messenger.events.subscribe(self.told.append)
        clock = cast("IReactorTime", reactor)
        options = ApplicationOptions("/nonexistent")
        ports = ports_around(self.messenger, clock)
        self.bitween = Bitween(ports, options, clock, lambda: None)

    @property
    def jid(self) -> str:
        """The bare JID."""
        return self.messenger.own_jid

    def quicken(self) -> None:
        """Let it send more than its budget allows, as this server sets no limit."""
        budget = self.messenger.client.budget
        budget._rate = budget._burst = budget._left = RATE  # noqa: SLF001  # servers have limits, this one has none

    async def start(self) -> None:
        """Come online."""
        self.messenger.client.startService()
        await self.until(lambda: self.messenger.client.online)

    async def until(self, holds: Any) -> None:
        """Wait until something holds."""
        await until(holds, described(holds))

    async def ping(self) -> None:
        """Ask the server whether it is there, and wait for its answer (XEP-0199)."""
        ping = IQ(self.messenger.client.xmlstream, "get")
        ping.addElement((NS_PING, "ping"))
        await ping.send(PrivateProsody.domain)

    def knows_of(self, other: _Side) -> Announcement | None:
        """What is known of the other's laptop."""
        listing = self.bitween.shares.catalogue.listings(other.jid).get("laptop")
        return None if listing is None else listing.announcement

    async def knows(self, other: _Side, shares: list[Share]) -> None:
        """Wait until just these are known of the other's laptop."""

        def holds() -> bool:
            known = self.knows_of(other)
            return (
                known is not None
                and known.complete
                and len(known.shares) == len(shares)
                and set(known.shares.values()) == set(shares)
            )

        await self.until(holds)

    def pages(self) -> list[ListingReceived]:
        """The pages that came."""
        return [event for event in self.told if isinstance(event, ListingReceived)]


class ListTests(TestCase):
    """Alice shares much, bob follows."""

    timeout = 600.0

    def start_prosody(self, *, limits: bool = False) -> None:
        """Start a Prosody with two accounts."""
        self.prosody = PrivateProsody(limits=limits)
        self.addCleanup(self.prosody.close)
        for user in ("alice", "bob"):
            self.prosody.add_account(user, "secret")
        self.prosody.start()

    def side(self, user: str, memory: ListMemory | None = None) -> _Side:
        """Make one."""
        side = _Side(self.prosody, user, memory)
        self.addCleanup(side.messenger.client.stopService)
        return side

    async def friends(
        self, memory: ListMemory | None = None, *, limits: bool = False
    ) -> tuple[_Side, _Side]:
        """Two contacts who are online, on a server that may hold them to its default rate."""
        self.start_prosody(limits=limits)
        alice, bob = self.side("alice", memory), self.side("bob")
        for side in (alice, bob):
            await side.start()
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: any(c.pending for c in bob.messenger.contacts))
        await bob.messenger.accept_contact(alice.jid)
        for side in (alice, bob):
            await side.until(
                lambda s=side: [c.subscription for c in s.messenger.contacts] == [Subscription.BOTH]
            )
        return alice, bob

    async def test_a_long_list_is_followed(self) -> None:
        """All of it arrives; after that, one more or one less comes without asking."""
        alice, bob = await self.friends()
        alice.quicken()
        bob.quicken()
        shares = numbered(COUNT)
        alice.messenger.announce(shares, HERE)
        await bob.knows(alice, shares)
        asked = len(bob.pages())
        for wanted in (shares[1:], [*shares[1:], Share(numbered(COUNT + 1)[-1].info_hash, "n", 1)]):
            alice.messenger.announce(wanted, HERE)
            await bob.knows(alice, wanted)
        self.assertEqual(len(bob.pages()), asked)

    async def test_both_restart_and_read_only_the_difference(self) -> None:
        """The publisher's memory and the reader's catalogue survive; little is read again."""
        memory = Memory()
        alice, bob = await self.friends(memory)
        alice.quicken()
        bob.quicken()
        alice.messenger.announce(shares := numbered(COUNT), HERE)
        await bob.knows(alice, shares)
        known = bob.knows_of(alice)
        assert known is not None
        for side in (bob, alice):
            await side.messenger.client.stopService()
        again, later = self.side("alice", memory), self.side("bob")
        wanted = numbered(COUNT + 100)[50:]
        again.messenger.announce(wanted, HERE)
        await again.start()
        again.quicken()
        # As the catalogue on the disk will have it.
        later.bitween.shares.catalogue.replace_item(alice.jid, "laptop", [known])
        await later.start()
        await later.knows(again, wanted)
        read = sum(len(event.page.added) + len(event.page.gone) for event in later.pages())
        self.assertLessEqual(read, 150)
        self.assertFalse(any(event.page.reset for event in later.pages()))

    async def test_pings_and_news_get_through(self) -> None:
        """While a list is read at the pace that servers allow, nothing waits behind it."""
        alice, bob = await self.friends(limits=True)
        shares = numbered(MANY)
        alice.messenger.announce(shares, HERE)
        for number in range(3):
            pages = len(bob.pages())
            await bob.until(lambda n=pages: len(bob.pages()) > n)
            here = [Candidate(PeerAddress.parse("127.0.0.1", 7000 + number))]
            alice.messenger.announce(shares, here)
            await alice.ping()
            await bob.until(lambda a=here: (k := bob.knows_of(alice)) and list(k.candidates) == a)
            self.assertEqual(alice.messenger.client.budget.backlog, 0)
            known = bob.knows_of(alice)
            assert known is not None
            self.assertFalse(known.complete, "the news came after the list")

    async def test_a_contact_who_is_removed_reads_no_further(self) -> None:
        """What was known of the other is gone, and no page comes any more."""
        alice, bob = await self.friends()
        alice.messenger.announce(numbered(COUNT), HERE)
        await bob.until(lambda: len(bob.pages()) > 0)
        await bob.messenger.remove_contact(alice.jid)
        await bob.until(lambda: bob.knows_of(alice) is None)
        pages = len(bob.pages())
        # The server delivers in order: a page that was still under way comes before this answer.
        await alice.ping()
        await bob.ping()
        self.assertLessEqual(len(bob.pages()), pages)
        self.assertIsNone(bob.knows_of(alice))

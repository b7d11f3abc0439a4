"""The contract of ``MessengerPort``; the fake and the real one keep it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.errors import (
    AlreadyContact,
    BitweenError,
    InvalidValue,
    NotConnected,
    UnknownContact,
)
from bitween.model.address import PeerAddress
from bitween.model.annotation import Annotation
from bitween.model.announcement import Share, ShareTerms
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.contact import Pending
from bitween.model.diagnosis import Verdict
from bitween.model.events import (
    ItemPublished,
    ItemsRead,
    PresenceChanged,
    PrivateListingReceived,
    RosterRead,
)
from bitween.model.torrent import parse_info_hash
from tests.support.person import Person

HOLIDAY = Share(
    parse_info_hash("a" * 40),
    "Größe & <Licht> 'ø'.tar",
    5,
    Annotation("Grüße & <b>", ("summer 2026", "Köln")),
    bytes(range(52)),
)
WORK = Share(parse_info_hash("b" * 40), "work", 2**40)
HERE = PeerAddress.parse("127.0.0.1", 6881)
SEEN = PeerAddress.parse("198.51.100.9", 6881)


# A mixin, so that trial does not take the contract itself for tests.
if TYPE_CHECKING:
    _Base = TestCase
else:
    _Base = object


class MessengerContract(_Base):
    """The tests; a subclass says of which messengers."""

    def person(self, user: str, resource: str = "laptop") -> Person:
        """A messenger that has not been started."""
        raise NotImplementedError

    async def two(self) -> tuple[Person, Person]:
        """Two who are online and do not know each other."""
        alice, bob = self.person("alice"), self.person("bob")
        for person in (alice, bob):
            person.start()
            await person.online()
        return alice, bob

    async def friends(self) -> tuple[Person, Person]:
        """Two mutual contacts who are online."""
        alice, bob = await self.two()
        await alice.messenger.add_contact(bob.jid, "Bob")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        await bob.messenger.accept_contact(alice.jid)
        await alice.until(lambda: alice.friends_with(bob))
        await bob.until(lambda: bob.friends_with(alice))
        return alice, bob

    async def refused(self, kind: type[BitweenError], attempt: Deferred[None]) -> None:
        """The attempt has to fail in this way."""
        try:
            await attempt
        except kind:
            return
        self.fail(f"{kind.__name__} was expected")

    async def test_comes_online_with_its_full_jid(self) -> None:
        """Once connected, the state is online and names the resource."""
        alice = self.person("alice", "desk")
        alice.start()
        await alice.online()
        self.assertEqual(alice.messenger.status.jid, f"{alice.jid}/desk")
        self.assertEqual(alice.messenger.status.error, "")

    async def test_one_call_on_each_side_makes_mutual_contacts(self) -> None:
        """Adding and accepting is all it takes, and the nick stands in the roster."""
        alice, bob = await self.friends()
        self.assertEqual([c.nick for c in alice.messenger.contacts], ["Bob"])
        self.assertEqual([c.pending for c in alice.messenger.contacts], [None])
        self.assertEqual([c.pending for c in bob.messenger.contacts], [None])

    async def test_who_is_a_contact_is_not_asked_again(self) -> None:
        """Adding them tells it, but another name for them is taken."""
        alice, bob = await self.friends()
        for nick in ("", "Bob"):
            await self.refused(AlreadyContact, alice.messenger.add_contact(bob.jid, nick))
        await alice.messenger.add_contact(bob.jid, "Bobby")
        await alice.until(lambda: [c.nick for c in alice.messenger.contacts] == ["Bobby"])

    async def test_both_may_ask(self) -> None:
        """Adding a contact who has asked accepts their request."""
        alice, bob = await self.two()
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        await bob.messenger.add_contact(alice.jid, "")
        await alice.until(lambda: alice.friends_with(bob))
        await bob.until(lambda: bob.friends_with(alice))

    async def test_pending_requests_are_shown_on_both_sides(self) -> None:
        """Who has asked sees OUT, who is asked sees IN, and neither trusts the other."""
        alice, bob = await self.two()
        await alice.messenger.add_contact(bob.jid, "Bob")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        await alice.until(lambda: alice.pending(bob) is Pending.OUT)
        self.assertFalse(
            any(c.trusted for c in (*alice.messenger.contacts, *bob.messenger.contacts))
        )

    async def test_the_server_check_runs_each_check_once(self) -> None:
        """Each check is made once, and what bitween cannot do without is there."""
        alice = self.person("alice")
        self.assertEqual(await alice.messenger.check_server(), [])
        alice.start()
        await alice.online()
        verdicts = {f.check: f.verdict for f in await alice.messenger.check_server()}
        self.assertEqual(
            list(verdicts), ["certificate", "pep", "clock", "proxy", "stun", "address"]
        )
        for check in ("certificate", "pep"):
            self.assertIs(verdicts[check], Verdict.GOOD, check)
        self.assertNotIn(Verdict.BAD, verdicts.values())

    async def test_a_request_can_be_refused(self) -> None:
        """Removing who asks leaves nothing of them."""
        alice, bob = await self.two()
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        await bob.messenger.remove_contact(alice.jid)
        await bob.until(lambda: not bob.messenger.contacts)
        await alice.until(lambda: alice.pending(bob) is None)

    async def test_contacts_see_what_is_announced(self) -> None:
        """Names, hashes, sizes, notes, tags and addresses arrive as they were announced."""
        alice, bob = await self.friends()
        where = (Candidate(HERE), Candidate(SEEN, CandidateKind.REFLEXIVE, varies=True))
        alice.messenger.announce([HOLIDAY, WORK], where)
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY, WORK))
        listing = bob.catalogue.listings(alice.jid)["laptop"]
        self.assertEqual(listing.announcement.addresses, (HERE,))
        self.assertEqual(listing.announcement.candidates, where)
        self.assertTrue(listing.online)

    async def test_what_was_announced_before_is_seen_after(self) -> None:
        """A new contact, and one who comes online later, see the present list."""
        alice, bob = self.person("alice"), self.person("bob")
        alice.messenger.announce([HOLIDAY], [Candidate(HERE)])
        for person in (alice, bob):
            person.start()
            await person.online()
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        await bob.messenger.accept_contact(alice.jid)
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))
        late = self.person("bob", "phone")
        late.start()
        await late.until(lambda: late.sees(alice, "laptop", HOLIDAY))

    async def test_removal_is_said_by_publishing(self) -> None:
        """A share that is announced no longer is gone, down to the last one."""
        alice, bob = await self.friends()
        alice.messenger.announce([HOLIDAY, WORK], [Candidate(HERE)])
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY, WORK))
        alice.messenger.announce([WORK], [Candidate(HERE)])
        await bob.until(lambda: bob.sees(alice, "laptop", WORK))
        alice.messenger.announce([], [Candidate(HERE)])
        await bob.until(lambda: bob.sees(alice, "laptop"))

    async def test_who_leaves_is_away_and_still_listed(self) -> None:
        """After a clean stop the contact is told of it, and keeps the list."""
        alice, bob = await self.friends()
        alice.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))
        await alice.stop()
        await bob.until(lambda: not bob.catalogue.online(alice.jid))
        self.assertTrue(bob.sees(alice, "laptop", HOLIDAY))
        self.assertFalse(bob.catalogue.torrents.sources(HOLIDAY.info_hash))

    async def test_two_devices_of_one_account_see_each_other(self) -> None:
        """Each tells the other's shares, neither its own."""
        desk, phone = self.person("alice", "desk"), self.person("alice", "phone")
        desk.messenger.announce([HOLIDAY], [Candidate(HERE)])
        phone.messenger.announce([WORK], [Candidate(HERE)])
        for person in (desk, phone):
            person.start()
            await person.online()
        await desk.until(lambda: desk.sees(phone, "phone", WORK))
        await phone.until(lambda: phone.sees(desk, "desk", HOLIDAY))
        await desk.until(lambda: desk.catalogue.online(desk.jid) == {"phone"})
        self.assertEqual(list(desk.catalogue.listings(desk.jid)), ["phone"])
        self.assertEqual(list(phone.catalogue.listings(desk.jid)), ["desk"])

    async def test_a_contact_sees_every_device(self) -> None:
        """No device of an account hides another."""
        alice, bob = await self.friends()
        phone = self.person("alice", "phone")
        alice.messenger.announce([HOLIDAY], [Candidate(HERE)])
        phone.messenger.announce([WORK], [Candidate(HERE)])
        phone.start()
        await bob.until(lambda: bob.sees(alice, "phone", WORK))
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))

    async def sees(self, reader: Person, other: Person, *shares: Share) -> None:
        """Wait until a person knows what another one lists, and that the other one is online."""
        await reader.until(lambda: reader.sees(other, "laptop", *shares))
        await reader.until(lambda: bool(reader.catalogue.online(other.jid)))

    async def readers(self) -> tuple[Person, Person, Person]:
        """Alice with two contacts, bob and carol; all are online and know what the others are."""
        alice, bob = await self.friends()
        carol = self.person("carol")
        carol.start()
        await carol.online()
        await alice.messenger.add_contact(carol.jid, "")
        await carol.until(lambda: carol.pending(alice) is Pending.IN)
        await carol.messenger.accept_contact(alice.jid)
        await carol.until(lambda: carol.friends_with(alice))
        for person in (alice, bob, carol):
            person.messenger.announce([HOLIDAY], [Candidate(HERE)])
        for other in (bob, carol):
            await self.sees(alice, other, HOLIDAY)
            await self.sees(other, alice, HOLIDAY)
        return alice, bob, carol

    async def test_what_is_for_one_contact_alone(self) -> None:
        """Only this contact reads it, with its terms; it is in no announcement."""
        alice, bob, carol = await self.readers()
        terms = ShareTerms(expires=2_000_000_000, replaces=HOLIDAY.info_hash, introductions=False)
        private = Share(WORK.info_hash, "for bob", 7, Annotation("a", ("b",)), bytes(52), terms)
        locked = Share(parse_info_hash("c" * 40), "locked", 9, terms=ShareTerms(locked=True))
        shares = {bob.jid: [private], carol.jid: [locked]}
        alice.messenger.serve_lists(lambda jid: shares.get(jid, []))
        for other in (bob, carol):
            other.messenger.read_private(alice.jid, "laptop")
        await bob.until(lambda: bob.sees(alice, "laptop", private, HOLIDAY))
        await carol.until(lambda: carol.sees(alice, "laptop", locked, HOLIDAY))
        self.assertEqual(bob.catalogue.share_of(alice.jid, "laptop", WORK.info_hash), private)
        for person in (alice, bob, carol):
            for event in person.told:
                if isinstance(event, ItemPublished | ItemsRead):
                    self.assertNotIn("for bob", str(event))

    async def test_a_change_is_for_those_whom_it_concerns(self) -> None:
        """They are told without asking, and the others notice nothing."""
        alice, bob, carol = await self.readers()
        # A share for one contact is always sealed.
        sealed = replace(WORK, seal=bytes(52))
        shares = {bob.jid: [sealed], carol.jid: [sealed]}
        alice.messenger.serve_lists(lambda jid: shares.get(jid, []))
        for other in (bob, carol):
            other.messenger.read_private(alice.jid, "laptop")
            await self.sees(other, alice, sealed, HOLIDAY)
        before = [e for e in carol.told if isinstance(e, PrivateListingReceived)]
        state = carol.catalogue.private.progress(alice.jid, "laptop")
        shares[bob.jid] = [replace(sealed, name="renamed")]
        alice.messenger.lists_changed()
        await bob.until(lambda: bob.sees(alice, "laptop", replace(sealed, name="renamed"), HOLIDAY))
        shares[bob.jid] = []
        alice.messenger.lists_changed()
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))
        after = [e for e in carol.told if isinstance(e, PrivateListingReceived)]
        self.assertEqual(after, before)
        self.assertEqual(carol.catalogue.private.progress(alice.jid, "laptop"), state)

    async def test_a_private_list_goes_with_its_device(self) -> None:
        """It is read again when the device comes back."""
        alice, bob, _ = await self.readers()
        sealed = replace(WORK, seal=bytes(52))
        alice.messenger.serve_lists(lambda _: [sealed])
        bob.messenger.read_private(alice.jid, "laptop")
        await bob.until(lambda: bob.sees(alice, "laptop", sealed, HOLIDAY))
        await alice.stop()
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))

    async def test_asking_for_access(self) -> None:
        """The owner is told who asks, from which device, and for what."""
        alice, bob, _ = await self.readers()
        asked: list[tuple[str, str, str]] = []
        alice.messenger.serve_access_requests(lambda *request: asked.append(request))
        await bob.messenger.ask_access(alice.jid, "laptop", WORK.info_hash)
        self.assertEqual(asked, [(bob.jid, "laptop", WORK.info_hash)])

    async def test_removing_ends_it_for_both(self) -> None:
        """Neither follows the other any more."""
        alice, bob = await self.friends()
        await alice.messenger.remove_contact(bob.jid)
        await alice.until(lambda: alice.contact(bob) is None)
        await bob.until(lambda: not any(c.trusted for c in bob.messenger.contacts))
        await bob.until(lambda: not bob.friends_with(alice))

    async def test_whose_word_counts(self) -> None:
        """Our own and a contact's whom we follow, as long as they are not blocked."""
        alice, bob = await self.two()
        trusts = alice.messenger.trusts
        self.assertTrue(trusts(alice.jid))
        self.assertFalse(trusts(bob.jid))
        await alice.messenger.add_contact(bob.jid, "")
        await bob.until(lambda: bob.pending(alice) is Pending.IN)
        self.assertFalse(trusts(bob.jid))
        await bob.messenger.accept_contact(alice.jid)
        await alice.until(lambda: trusts(bob.jid))

    async def test_blocking_and_unblocking(self) -> None:
        """Who is blocked is a contact still, but not one whose word counts."""
        alice, bob = await self.friends()
        await alice.messenger.block(bob.jid)
        await alice.until(lambda: not alice.messenger.trusts(bob.jid))
        self.assertEqual(list(alice.messenger.blocked), [bob.jid])
        contact = alice.contact(bob)
        assert contact is not None
        self.assertEqual((contact.blocked, contact.trusted), (True, False))
        self.assertTrue(alice.friends_with(bob))
        await alice.messenger.unblock(bob.jid)
        await alice.until(lambda: alice.messenger.trusts(bob.jid))
        self.assertEqual(list(alice.messenger.blocked), [])

    async def test_who_is_unblocked_is_as_before(self) -> None:
        """There, with all that is shared, and told of what comes, on both sides."""
        alice, bob = await self.friends()
        for person in (alice, bob):
            person.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await alice.until(lambda: alice.sees(bob, "laptop", HOLIDAY))
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))
        await alice.messenger.block(bob.jid)
        await alice.until(lambda: not alice.sees(bob, "laptop", HOLIDAY))
        # Whether bob sees alice leave is up to the server: ejabberd 23.01 does not report it.
        await alice.messenger.unblock(bob.jid)
        await alice.until(lambda: alice.sees(bob, "laptop", HOLIDAY))
        await alice.until(lambda: bool(alice.catalogue.online(bob.jid)))
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY))
        await bob.until(lambda: bool(bob.catalogue.online(alice.jid)))
        alice.messenger.announce([HOLIDAY, WORK], [Candidate(HERE)])
        await bob.until(lambda: bob.sees(alice, "laptop", HOLIDAY, WORK))
        bob.messenger.announce([WORK], [Candidate(HERE)])
        await alice.until(lambda: alice.sees(bob, "laptop", WORK))

    async def test_who_is_unblocked_while_away_is_listed(self) -> None:
        """What they shared last is known again, though they are not there."""
        alice, bob = await self.friends()
        bob.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await alice.until(lambda: alice.sees(bob, "laptop", HOLIDAY))
        await alice.messenger.block(bob.jid)
        await alice.until(lambda: not alice.sees(bob, "laptop", HOLIDAY))
        await bob.stop()
        await alice.messenger.unblock(bob.jid)
        await alice.until(lambda: alice.sees(bob, "laptop", HOLIDAY))
        self.assertFalse(alice.catalogue.online(bob.jid))

    async def test_malformed_jids_are_refused(self) -> None:
        """A malformed JID and our own are errors."""
        alice, _ = await self.two()
        for jid in ("", "bob", "@localhost", "bob@", "b b@localhost", alice.jid):
            await self.refused(InvalidValue, alice.messenger.add_contact(jid, ""))
        await self.refused(InvalidValue, alice.messenger.block("bob"))

    async def test_a_lost_device_is_taken_back(self) -> None:
        """Another device of the account retracts its item; a second time does no harm."""
        desk, phone = self.person("alice", "desk"), self.person("alice", "phone")
        phone.messenger.announce([WORK], [Candidate(HERE)])
        for person in (desk, phone):
            person.start()
            await person.online()
        await desk.until(lambda: desk.sees(phone, "phone", WORK))
        await phone.stop()
        await desk.until(lambda: not desk.catalogue.online(desk.jid))
        for _ in range(2):
            await desk.messenger.retract("phone")
        late = self.person("alice", "late")
        late.start()
        await late.until(lambda: any(isinstance(event, ItemsRead) for event in late.told))
        self.assertEqual(late.catalogue.listings(late.jid), {})

    async def test_the_roster_is_known_before_presence(self) -> None:
        """A later event never belongs to a contact who has been removed."""
        alice, bob = await self.friends()
        await alice.stop()
        alice = self.person("alice")
        alice.start()
        await alice.until(lambda: bool(alice.catalogue.online(bob.jid)))
        kinds = [type(event) for event in alice.told]
        self.assertLess(kinds.index(RosterRead), kinds.index(PresenceChanged))
        (read,) = [event for event in alice.told if isinstance(event, RosterRead)]
        self.assertEqual(read.trusted, {alice.jid, bob.jid})

    async def test_unknown_contacts_are_refused(self) -> None:
        """Nobody can be accepted who did not ask, nor removed who is not there."""
        alice, bob = await self.two()
        await self.refused(UnknownContact, alice.messenger.accept_contact(bob.jid))
        await self.refused(UnknownContact, alice.messenger.remove_contact(bob.jid))

    async def test_nothing_can_be_asked_offline(self) -> None:
        """Without a session every request fails at once."""
        alice = self.person("alice")
        for attempt in (
            alice.messenger.add_contact("bob@localhost", ""),
            alice.messenger.accept_contact("bob@localhost"),
            alice.messenger.remove_contact("bob@localhost"),
            alice.messenger.retract("phone"),
            alice.messenger.block("bob@localhost"),
            alice.messenger.unblock("bob@localhost"),
        ):
            await self.refused(NotConnected, attempt)

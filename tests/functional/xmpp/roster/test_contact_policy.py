"""Whom we let see us, what we call ourselves, and whom the user has blocked."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bitween.errors import InvalidValue, NotConnected, RequestRefused
from bitween.model.contact import AutoAccept, Contact, Pending
from bitween.model.events import ContactChanged, PresenceChanged
from bitween.xmpp.namespaces import NS_BLOCKING, NS_NICK
from bitween.xmpp.roster.blocklist import MAX_BLOCKED, BlockList
from bitween.xmpp.roster.policy import (
    ACCEPTED,
    STRANGER_INTERVAL,
    STRANGERS_AT_ONCE,
    SubscriptionPolicy,
)
from bitween.xmpp.roster.roster import Roster
from tests.support.handler_case import ROSTER, HandlerCase, Manager

FRANK = "frank@localhost"


class PolicyCase(HandlerCase):
    """A roster of four, with a policy and a block list."""

    policy = SubscriptionPolicy()
    listed: tuple[str, ...] = ()

    def setUp(self) -> None:
        """Log in."""
        self.clock = Clock()
        self.told = []
        self.manager = Manager(self.clock)
        self.block_list = BlockList(self.blocked_changed)
        self.contacts = Roster(
            self.clock, self.told.append, self.manager.presence, self.policy, self.block_list
        )
        for handler in (self.contacts, self.block_list):
            handler.setHandlerParent(self.manager)
        items = "".join(f"<item jid='{jid}'/>" for jid in self.listed)
        self.answer(f"<blocklist xmlns='{NS_BLOCKING}'>{items}</blocklist>", index=1)
        self.answer(ROSTER, index=0)
        self.told.clear()
        self.output.clear()

    def blocked_changed(self, jids: frozenset[str]) -> None:
        """Tell the contacts, as the messenger does."""
        self.contacts.blocked_changed(jids)

    def asks(self, jid: str, nick: str | None = None) -> None:
        """Let an account send a subscription request."""
        name = "" if nick is None else f"<nick xmlns='{NS_NICK}'>{nick}</nick>"
        self.receive(f"<presence type='subscribe' from='{jid}'>{name}</presence>")

    def contact(self, jid: str) -> Contact:
        """Return the contact of a JID."""
        return next(c for c in self.contacts.contacts if c.jid == jid)

    def pending(self) -> set[str]:
        """Whose requests wait for the user."""
        return {c.jid for c in self.contacts.contacts if c.pending is Pending.IN}


class NeverTests(PolicyCase):
    """``never``: every request waits for the user."""

    policy = SubscriptionPolicy(auto_accept=AutoAccept.NEVER)

    def test_only_the_answer_to_our_own_request_is_let_in(self) -> None:
        """Whom we follow waits like a stranger; whom we have asked does not."""
        for jid in ("carol@localhost", FRANK):
            self.asks(jid)
        self.assertEqual((self.sent(), self.pending()), ([], {"carol@localhost", FRANK}))
        self.asks("erin@localhost")
        self.assertEqual(self.sent(), [("presence", "subscribed", "erin@localhost")])


class KnownTests(PolicyCase):
    """``known``: whom we follow may see us."""

    def test_who_leaves_and_comes_back_without_end(self) -> None:
        """The request waits for the user in the end, since each acceptance costs us stanzas."""
        for _ in range(100):
            self.asks("carol@localhost")
        self.assertEqual(len(self.sent()), ACCEPTED[0])
        self.assertEqual(self.pending(), {"carol@localhost"})
        self.asks("dave@localhost")
        self.assertEqual(self.sent(), [("presence", "subscribed", "dave@localhost")])
        self.clock.advance(ACCEPTED[1])
        self.asks("carol@localhost")
        self.assertEqual(self.sent(), [("presence", "subscribed", "carol@localhost")])

    def test_strangers_wait_in_the_roster(self) -> None:
        """Everybody else has a place in the roster that says so."""
        for jid in ("bob@localhost", "carol@localhost", "dave@localhost", "erin@localhost"):
            self.asks(jid)
            self.assertEqual(self.sent(), [("presence", "subscribed", jid)])
        self.asks(FRANK)
        self.assertEqual((self.sent(), self.pending()), ([], {FRANK}))


class AlwaysTests(PolicyCase):
    """``always``: everybody may see us, and is asked back."""

    policy = SubscriptionPolicy(auto_accept=AutoAccept.ALWAYS)

    def test_strangers_are_let_in_and_asked_back(self) -> None:
        """Once; those whom we follow or have asked are not asked again."""
        self.asks(FRANK)
        self.assertEqual(
            self.sent(), [("presence", "subscribed", FRANK), ("presence", "subscribe", FRANK)]
        )
        for jid in ("carol@localhost", "erin@localhost"):
            self.asks(jid)
            self.assertEqual(self.sent(), [("presence", "subscribed", jid)])

    def test_a_crowd_waits(self) -> None:
        """Those beyond the rate are shown as pending; later ones are let in again."""
        for n in range(STRANGERS_AT_ONCE + 5):
            self.asks(f"x{n}@localhost")
        self.assertEqual(len(self.pending()), 5)
        self.clock.advance(STRANGER_INTERVAL * STRANGERS_AT_ONCE + 1)
        self.sent()
        self.asks(FRANK)
        self.assertEqual(
            self.sent(), [("presence", "subscribed", FRANK), ("presence", "subscribe", FRANK)]
        )


class NickTests(PolicyCase):
    """Names (XEP-0172)."""

    policy = SubscriptionPolicy(nick="Alice & Co")

    def test_ours_goes_with_our_request(self) -> None:
        """And with nothing else."""
        adding = Deferred.fromCoroutine(self.contacts.add(FRANK, ""))
        self.answer("")
        self.successResultOf(adding)
        request = self.output[-1]
        self.assertEqual((request["type"], str(request.nick)), ("subscribe", "Alice & Co"))
        self.asks("erin@localhost")
        self.assertIsNone(self.output[-1].nick)

    def test_theirs_is_shown_with_their_request(self) -> None:
        """Bounded and printable; the name in our own roster goes before."""
        self.asks(FRANK, f"  Frank \u202e{'x' * 500}")
        nick = self.contact(FRANK).nick
        self.assertEqual(nick[:8], "Frank \ufffdx")
        self.assertEqual(len(nick), 64)
        self.receive(
            "<iq type='set' id='p'><query xmlns='jabber:iq:roster'>"
            f"<item jid='{FRANK}' name='The baker' subscription='none'/></query></iq>"
        )
        self.assertEqual(self.contact(FRANK).nick, "The baker")


class BlockTests(PolicyCase):
    """The block list (XEP-0191)."""

    listed = ("carol@localhost", "evil.example", "bob@localhost/phone")

    def push(self, kind: str, *jids: str, sender: str = "") -> None:
        """Tell of a change."""
        origin = f"from='{sender}'" if sender else ""
        items = "".join(f"<item jid='{jid}'/>" for jid in jids)
        self.receive(
            f"<iq type='set' id='b' {origin}><{kind} xmlns='{NS_BLOCKING}'>{items}</{kind}></iq>"
        )

    def test_who_is_blocked_is_not_trusted(self) -> None:
        """Neither a person nor a domain; one resource is not the whole person."""
        self.assertEqual(self.block_list.blocked, ("carol@localhost", "evil.example"))
        self.assertFalse(self.contacts.trusts("carol@localhost"))
        self.assertTrue(self.contacts.trusts("bob@localhost"))
        self.assertTrue(self.contact("carol@localhost").blocked)
        self.assertFalse(self.contact("carol@localhost").trusted)
        self.assertIn("mallory@evil.example", self.block_list)

    def test_requests_of_the_blocked_are_not_shown(self) -> None:
        """A server should not let them through at all."""
        for jid in ("carol@localhost", "mallory@evil.example"):
            self.asks(jid)
        self.assertEqual((self.sent(), self.pending(), self.told), ([], set(), []))

    def test_presence_of_the_blocked_is_not_told(self) -> None:
        """It could only come from a server that does not hold to its own list."""
        self.receive("<presence from='carol@localhost/x'/>")
        self.assertEqual(self.told, [])

    def test_a_push_blocks_and_unblocks(self) -> None:
        """The contact is told as changed, and counts no longer, or again."""
        self.receive("<presence from='bob@localhost/a'/>")
        self.told.clear()
        self.push("block", "bob@localhost", sender="alice@localhost")
        self.assertEqual(self.sent(), [("iq", "result", "alice@localhost")])
        (event,) = self.told
        assert isinstance(event, ContactChanged)
        self.assertEqual((event.contact.jid, event.contact.trusted), ("bob@localhost", False))
        self.assertFalse(self.contacts.trusts("bob@localhost"))
        self.told.clear()
        self.push("unblock", "bob@localhost")
        asked = [("presence", "probe", "bob@localhost"), ("presence", None, "bob@localhost")]
        self.assertEqual(self.sent()[:2], asked, "who is there has to be asked")
        self.receive("<presence from='bob@localhost/a'/>")
        changed, present = self.told
        assert isinstance(changed, ContactChanged)
        self.assertTrue(changed.contact.trusted)
        self.assertEqual(present, PresenceChanged(jid="bob@localhost", resource="a", online=True))

    def test_an_empty_push_unblocks_everyone(self) -> None:
        """That is what an empty push means; one of resources alone means no person."""
        self.push("unblock", "bob@localhost/phone")
        self.assertEqual(len(self.block_list.blocked), 2)
        self.push("unblock")
        self.assertEqual(self.block_list.blocked, ())

    def test_nobody_else_changes_the_list(self) -> None:
        """A push of another sender is refused."""
        for sender in ("mallory@localhost", "localhost", "carol@localhost"):
            self.push("unblock", sender=sender)
            self.assertEqual(self.sent(), [("iq", "error", sender)])
        self.assertFalse(self.contacts.trusts("carol@localhost"))

    def test_the_user_changes_it(self) -> None:
        """What the server agrees to is so at once."""
        blocking = Deferred.fromCoroutine(self.block_list.block("Frank@LOCALHOST/x"))
        self.assertEqual(self.output[-1].block.item["jid"], FRANK)
        self.assertNotIn(FRANK, self.block_list)
        self.answer("")
        self.successResultOf(blocking)
        self.assertIn(FRANK, self.block_list)
        unblocking = Deferred.fromCoroutine(self.block_list.unblock(FRANK))
        self.answer("")
        self.successResultOf(unblocking)
        self.assertNotIn(FRANK, self.block_list)

    def test_what_cannot_be_changed(self) -> None:
        """No JID, no connection, and a server that cannot block are told apart."""
        self.failureResultOf(self.block("nobody"), InvalidValue)
        refused = self.block(FRANK)
        self.receive(f"<iq type='error' id='{self.output[-1]['id']}'/>")
        self.failureResultOf(refused, RequestRefused)
        self.manager.online = False
        self.failureResultOf(self.block(FRANK), NotConnected)

    def test_a_long_list_is_bounded(self) -> None:
        """What we remember of it, that is."""
        self.push("block", *(f"x{n}@localhost" for n in range(MAX_BLOCKED + 10)))
        self.assertEqual(len(self.block_list.blocked), MAX_BLOCKED)

    def block(self, jid: str) -> Deferred[Any]:
        """Try to block an account."""
        return Deferred.fromCoroutine(self.block_list.block(jid))


class WithoutBlockingTests(HandlerCase):
    """A server that knows no block list."""

    def test_nobody_is_blocked(self) -> None:
        """Its refusal is no harm."""
        block_list = BlockList(lambda _: self.fail("nothing has changed"))
        block_list.setHandlerParent(self.manager)
        self.receive(f"<iq type='error' id='{self.output[-1]['id']}'/>")
        self.assertEqual(block_list.blocked, ())

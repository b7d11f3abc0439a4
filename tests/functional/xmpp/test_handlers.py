"""The handlers on a stream in memory: roster, presence, events, discovery; and who may say what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish import domish

from bitween.errors import RequestRefused, XMPPError
from bitween.model.contact import Pending, Subscription
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    ItemPublished,
    ItemRetracted,
    ItemsRead,
    MessengerEvent,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
)
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.extensions.caps import NODE, VERIFICATION, Caps
from bitween.xmpp.roster.roster import (
    COMINGS,
    COMINGS_OF_ACCOUNT,
    HELD,
    MAX_REQUESTS,
    MAX_REQUESTS_OF_DOMAIN,
    SETTLING,
    Roster,
)
from bitween.xmpp.roster.subscription_retry import FIRST_DELAY
from bitween.xmpp.shares.item_codec import NS_SHARES
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import PublishedList
from tests.support.fakes.lists import Memory

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.test.helpers import TestableStreamManager  # isort: skip

HASH = "a" * 40
PUBSUB = "http://jabber.org/protocol/pubsub"
ROSTER = (
    "<query xmlns='jabber:iq:roster'>"
    "<item jid='bob@localhost' name='Bob' subscription='both'>"
    "<group>b</group><group>a</group></item>"
    "<item jid='carol@localhost' subscription='to'/>"
    "<item jid='dave@localhost' subscription='from'/>"
    "<item jid='erin@localhost' subscription='none' ask='subscribe'/>"
    "</query>"
)


def xml(text: str) -> Any:
    """Parse a stanza as a stream would."""
    roots: list[Any] = []
    parser = domish.elementStream()
    parser.DocumentStartEvent = lambda _: None
    parser.ElementEvent = roots.append
    parser.DocumentEndEvent = lambda: None
    parser.parse(f"<stream xmlns='jabber:client'>{text}".encode())
    return roots[0]


def item_of(resource: str, name: str = "n") -> str:
    """A PEP item of one share."""
    return (
        f"<item id='{resource}'><user_shares xmlns='{NS_SHARES}'><resource resource='{resource}'>"
        f"<share_item name='{name}' hash='{HASH}' size='1'/></resource></user_shares></item>"
    )


def event_of(sender: str, content: str) -> str:
    """A notification."""
    return (
        f"<message from='{sender}' to='alice@localhost/here' type='headline'>"
        f"<event xmlns='{PUBSUB}#event'>{content}</event></message>"
    )


class Manager(TestableStreamManager):
    """Stands for the client: a session that is up."""

    def __init__(self, clock: Clock) -> None:
        self.jid = JID("alice@localhost/here")
        self.online = False
        self.given_up: list[XMPPError] = []
        super().__init__(clock)
        self.stub.xmlstream.features = {}
        self.stub.xmlstream.iqDefaultTimeout = 30
        self.stub.xmlstream._callLater = clock.callLater

    @property
    def in_session(self) -> bool:
        """Whether there is a session."""
        return self.online

    def session_is_ready(self) -> None:
        """The roster is here."""
        self.online = True

    def give_up_session(self, error: XMPPError) -> None:
        """The session is of no use."""
        self.given_up.append(error)


class HandlerCase(SynchronousTestCase):
    """A stream in memory with our handlers on it, logged in."""

    def setUp(self) -> None:
        """Log in, with a roster of four."""
        self.clock = Clock()
        self.told: list[MessengerEvent] = []
        self.manager = Manager(self.clock)
        self.contacts = Roster(self.clock, self.told.append)
        self.own = PublishedList(Memory())
        budget = TokenBucket(self.clock)
        self.pep = Pep(self.clock, budget, self.contacts.trusts, self.told.append, self.own)
        for handler in (self.contacts, self.pep, Caps()):
            handler.setHandlerParent(self.manager)
        self.answer(ROSTER)
        self.told.clear()
        self.output.clear()

    @property
    def output(self) -> list[Any]:
        """What was sent."""
        found: list[Any] = self.manager.stub.output
        return found

    def receive(self, text: str) -> None:
        """Let a stanza come in."""
        self.manager.stub.send(xml(text))

    def answer(self, content: str, index: int = -1, sender: str = "") -> None:
        """Answer the request that was sent last."""
        sent = self.output[index]
        origin = f"from='{sender}'" if sender else ""
        self.receive(f"<iq type='result' id='{sent['id']}' {origin}>{content}</iq>")

    def sent(self) -> list[tuple[str, str | None, str | None]]:
        """Name, type and recipient of what was sent since the last look."""
        stanzas = [(e.name, e.getAttribute("type"), e.getAttribute("to")) for e in self.output]
        self.output.clear()
        return stanzas


class SessionTests(SynchronousTestCase):
    """The beginning of a session."""

    def test_the_roster_comes_before_presence(self) -> None:
        """So that nobody's word comes before we know whom to trust."""
        manager = Manager(Clock())
        contacts = Roster(Clock(), lambda _: None)
        contacts.setHandlerParent(manager)
        (request,) = manager.stub.output
        self.assertEqual(request.query.uri, "jabber:iq:roster")
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{ROSTER}</iq>"))
        presence = manager.stub.output[1]
        self.assertEqual((presence.name, presence.c["ver"]), ("presence", VERIFICATION))
        self.assertEqual((str(presence.show), str(presence.priority)), ("xa", "-1"))
        self.assertTrue(manager.online)

    def test_the_roster_is_told(self) -> None:
        """Those whose word counts are named, before anybody's presence comes."""
        manager, told = Manager(Clock()), list[MessengerEvent]()
        Roster(Clock(), told.append).setHandlerParent(manager)
        (request,) = manager.stub.output
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{ROSTER}</iq>"))
        trusted = frozenset({"alice@localhost", "bob@localhost", "carol@localhost"})
        self.assertEqual(told[-1], RosterRead(trusted=trusted))

    def test_without_a_roster_the_session_is_given_up(self) -> None:
        """A server that does not give it is of no use."""
        manager = Manager(Clock())
        Roster(Clock(), lambda _: None).setHandlerParent(manager)
        (request,) = manager.stub.output
        manager.stub.send(xml(f"<iq type='error' id='{request['id']}'/>"))
        self.assertEqual(len(manager.given_up), 1)
        self.assertFalse(manager.online)

    def test_bad_roster_entries_are_left_out(self) -> None:
        """One that cannot be understood does not hide the others."""
        manager = Manager(Clock())
        contacts = Roster(Clock(), lambda _: None)
        contacts.setHandlerParent(manager)
        (request,) = manager.stub.output
        query = (
            "<query xmlns='jabber:iq:roster'><item/><item jid='x@y/z'/><item jid=''/>"
            "<item jid='odd\U0001f4f1@localhost' subscription='what'/>"
            "<item jid='bob@localhost' subscription='both'/></query>"
        )
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{query}</iq>"))
        self.assertEqual(
            [contact.jid for contact in contacts.contacts],
            ["bob@localhost", "odd\U0001f4f1@localhost"],
        )

    def test_a_new_session_tells_what_changed_meanwhile(self) -> None:
        """Contacts that are gone are told as removed, changed ones as changed, others not."""
        told: list[MessengerEvent] = []
        manager = Manager(Clock())
        contacts = Roster(Clock(), told.append)
        contacts.setHandlerParent(manager)
        request = manager.stub.output[0]
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{ROSTER}</iq>"))
        told.clear()
        manager.stub.output.clear()
        contacts.connectionInitialized()
        request = manager.stub.output[0]
        query = (
            "<query xmlns='jabber:iq:roster'><item jid='carol@localhost' subscription='to'/>"
            "<item jid='dave@localhost' subscription='both'/></query>"
        )
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{query}</iq>"))
        removed = {event.jid for event in told if isinstance(event, ContactRemoved)}
        changed = {event.contact.jid for event in told if isinstance(event, ContactChanged)}
        self.assertEqual(removed, {"bob@localhost", "erin@localhost"})
        self.assertEqual(changed, {"dave@localhost"})


class RosterTests(HandlerCase):
    """The roster and its pushes."""

    def push(self, item: str, sender: str = "") -> None:
        """Let a roster push come in."""
        origin = f"from='{sender}'" if sender else ""
        self.receive(
            f"<iq type='set' id='p1' {origin}><query xmlns='jabber:iq:roster'>{item}</query></iq>"
        )

    def test_entries_are_read(self) -> None:
        """Nick, subscription, pending and groups are what the server said."""
        bob, carol, dave, erin = self.contacts.contacts
        self.assertEqual((bob.nick, bob.groups), ("Bob", ("a", "b")))
        self.assertEqual(
            [c.subscription for c in (bob, carol, dave, erin)],
            [Subscription.BOTH, Subscription.TO, Subscription.FROM, Subscription.NONE],
        )
        self.assertEqual(erin.pending, Pending.OUT)

    def test_a_push_of_our_account_counts(self) -> None:
        """With our bare JID or none as sender, it is taken, told and answered."""
        for sender in ("", "alice@localhost"):
            self.push("<item jid='bob@localhost' subscription='remove'/>", sender)
            self.assertEqual(self.told.pop(), ContactRemoved(jid="bob@localhost"))
            self.assertEqual(self.sent(), [("iq", "result", sender or None)])
            self.push("<item jid='bob@localhost' subscription='to'/>", sender)
            self.assertIsInstance(self.told.pop(), ContactChanged)
            self.sent()

    def test_a_push_of_somebody_else_is_refused(self) -> None:
        """Nobody else can put themselves into our roster (RFC 6121 §2.1.6)."""
        for sender in ("mallory@localhost", "bob@localhost", "alice@localhost.evil"):
            self.push("<item jid='mallory@localhost' subscription='both'/>", sender)
            self.assertEqual(self.sent(), [("iq", "error", sender)])
        self.assertFalse(self.contacts.trusts("mallory@localhost"))
        self.assertEqual(self.told, [])

    def test_malformed_pushes_are_refused(self) -> None:
        """They get an error, and change nothing."""
        for item in ("", "<item/>", "<item jid=''/>", "<item jid='a@b/c'/>"):
            self.push(item)
            self.assertEqual(self.sent(), [("iq", "error", None)])
        self.assertEqual(self.told, [])

    def test_a_fresh_follower_gets_our_presence_again(self) -> None:
        """Otherwise ejabberd sends them nothing of ours; nobody else hears of it."""
        self.push("<item jid='carol@localhost' subscription='both'/>")
        presence = ("presence", None, "carol@localhost")
        self.assertEqual(self.sent(), [presence, ("iq", "result", None)])
        self.push("<item jid='carol@localhost' name='C' subscription='both'/>")
        self.clock.advance(SETTLING)
        self.assertEqual(self.sent(), [("iq", "result", None)])

    def test_a_befriending_takes_one_presence(self) -> None:
        """However many steps both subscriptions take, once they have settled."""
        for subscription in ("none", "from", "both"):
            asking = "" if subscription == "both" else "ask='subscribe'"
            self.push(f"<item jid='erin@localhost' subscription='{subscription}' {asking}/>")
        self.clock.advance(SETTLING)
        presences = [stanza for stanza in self.sent() if stanza[0] == "presence"]
        self.assertEqual(presences, [("presence", None, "erin@localhost")])

    def test_accepting_takes_one_presence(self) -> None:
        """The server tells that they may see us before it tells that they were asked back."""
        self.receive("<presence type='subscribe' from='frank@localhost'/>")
        self.successResultOf(Deferred.fromCoroutine(self.contacts.accept("frank@localhost")))
        for state in ("subscription='from'", "subscription='from' ask='subscribe'"):
            self.push(f"<item jid='frank@localhost' {state}/>")
        self.push("<item jid='frank@localhost' subscription='both'/>")
        self.clock.advance(SETTLING)
        presences = [stanza for stanza in self.sent() if stanza[:2] == ("presence", None)]
        self.assertEqual(presences, [("presence", None, "frank@localhost")])

    def test_who_does_not_consent_gets_our_presence_all_the_same(self) -> None:
        """They may see us, though we may not see them."""
        self.push("<item jid='erin@localhost' subscription='from' ask='subscribe'/>")
        self.assertEqual(self.sent(), [("iq", "result", None)])
        self.clock.advance(SETTLING)
        self.assertEqual(self.sent(), [("presence", None, "erin@localhost")])

    def test_who_is_gone_by_then_gets_no_presence(self) -> None:
        """A contact who was removed before our presence was sent does not learn where we are."""
        self.push("<item jid='erin@localhost' subscription='from' ask='subscribe'/>")
        self.push("<item jid='erin@localhost' subscription='remove'/>")
        self.clock.advance(SETTLING)
        self.assertEqual([stanza for stanza in self.sent() if stanza[0] == "presence"], [])

    def test_whom_we_newly_follow_gets_our_presence_again(self) -> None:
        """Otherwise ejabberd sends us nothing of theirs."""
        self.push("<item jid='dave@localhost' subscription='both'/>")
        self.assertEqual(self.sent()[:1], [("presence", None, "dave@localhost")])
        self.push("<item jid='erin@localhost' subscription='to'/>")
        self.clock.advance(SETTLING)
        self.assertEqual(self.sent(), [("iq", "result", None)], "they may not see us")

    def test_a_request_without_an_answer_is_made_again(self) -> None:
        """One of ours that ejabberd may have dropped is; what a chat program asked is not."""
        adding = Deferred.fromCoroutine(self.contacts.add("frank@localhost", ""))
        self.answer("")
        self.successResultOf(adding)
        self.push("<item jid='frank@localhost' ask='subscribe'/>")
        self.sent()
        for _ in range(3):
            self.clock.advance(FIRST_DELAY)
        self.assertEqual(set(self.sent()), {("presence", "subscribe", "frank@localhost")})


class ServiceTests(HandlerCase):
    """A gateway in the roster, which is no person."""

    def setUp(self) -> None:
        """Log in, with a gateway that a chat program has registered with."""
        super().setUp()
        self.receive(
            "<iq type='set' id='p'><query xmlns='jabber:iq:roster'>"
            "<item jid='irc.example.org' subscription='both'/></query></iq>"
        )
        self.output.clear()

    def test_it_can_be_removed(self) -> None:
        """By its domain, which is all the JID that it has."""
        removing = Deferred.fromCoroutine(self.contacts.remove(" IRC.example.org"))
        (item,) = self.output[-1].query.elements()
        self.assertEqual((item["jid"], item["subscription"]), ("irc.example.org", "remove"))
        self.answer("")
        self.successResultOf(removing)

    def test_it_does_not_count_as_a_person(self) -> None:
        """What it says is believed of nobody, and its presence is nobody's."""
        (gateway,) = [c for c in self.contacts.contacts if c.jid == "irc.example.org"]
        self.assertEqual((gateway.is_service, gateway.trusted), (True, False))
        self.assertFalse(self.contacts.trusts("irc.example.org"))
        self.told.clear()
        self.receive("<presence from='irc.example.org'/><presence from='irc.example.org/x'/>")
        self.assertEqual(self.told, [])

    def test_what_it_asks_is_left_to_the_chat_program(self) -> None:
        """It is neither answered nor shown as somebody's request."""
        self.told.clear()
        for gateway in ("irc.example.org", "sms.example.org"):
            self.receive(f"<presence type='subscribe' from='{gateway}'/>")
        self.assertEqual((self.told, self.sent()), ([], []))
        self.assertTrue(self.contacts.knows_of_us("irc.example.org"))


class SubscriptionTests(HandlerCase):
    """Asking and being asked."""

    def test_a_strangers_request_waits_for_the_user(self) -> None:
        """It is shown as pending, once, and nothing is sent."""
        for _ in range(2):
            self.receive("<presence type='subscribe' from='frank@localhost'/>")
        (event,) = self.told
        assert isinstance(event, ContactChanged)
        self.assertEqual(
            (event.contact.jid, event.contact.pending), ("frank@localhost", Pending.IN)
        )
        self.assertEqual(self.sent(), [])
        self.assertFalse(self.contacts.trusts("frank@localhost"))

    def test_a_flood_of_requests_hides_no_others(self) -> None:
        """Of one domain, only the last ones are remembered; what goes is told."""
        self.receive("<presence type='subscribe' from='honest@example.net'/>")
        for n in range(MAX_REQUESTS + 50):
            self.receive(f"<presence type='subscribe' from='x{n}@localhost'/>")
        pending = {c.jid for c in self.contacts.contacts if c.pending is Pending.IN}
        last = range(MAX_REQUESTS + 50 - MAX_REQUESTS_OF_DOMAIN, MAX_REQUESTS + 50)
        self.assertEqual(pending, {"honest@example.net", *(f"x{n}@localhost" for n in last)})
        gone = [event.jid for event in self.told if isinstance(event, ContactRemoved)]
        self.assertEqual(gone, [f"x{n}@localhost" for n in range(MAX_REQUESTS)])

    def test_a_flood_from_many_domains_is_bounded(self) -> None:
        """The domain with the most requests gives way, so that single ones stay."""
        self.receive("<presence type='subscribe' from='honest@example.net'/>")
        for n in range(MAX_REQUESTS + 50):
            self.receive(f"<presence type='subscribe' from='x{n}@{n % 30}.example'/>")
        pending = [c.jid for c in self.contacts.contacts if c.pending is Pending.IN]
        self.assertEqual(len(pending), MAX_REQUESTS)
        self.assertIn("honest@example.net", pending)

    def test_a_flood_from_a_wildcard_domain_is_bounded(self) -> None:
        """Who owns a domain counts once, however many servers below it ask."""
        honest = {f"honest{n}@{n}.net" for n in range(9)}
        for jid in honest:
            self.receive(f"<presence type='subscribe' from='{jid}'/>")
        for n in range(MAX_REQUESTS):
            self.receive(f"<presence type='subscribe' from='x@{n}.a{n % 7}.evil.example'/>")
            self.receive(f"<presence type='subscribe' from='x@{n}.evil.co.uk'/>")
        pending = [c.jid for c in self.contacts.contacts if c.pending is Pending.IN]
        self.assertEqual(set(pending) & honest, honest)
        for owner in (".evil.example", ".evil.co.uk"):
            self.assertEqual(sum(j.endswith(owner) for j in pending), MAX_REQUESTS_OF_DOMAIN)

    def test_a_request_can_be_taken_back(self) -> None:
        """Who asks no more is shown no more."""
        self.receive("<presence type='subscribe' from='frank@localhost'/>")
        self.receive("<presence type='unsubscribe' from='frank@localhost'/>")
        self.assertEqual(self.told[-1], ContactRemoved(jid="frank@localhost"))

    def test_the_answer_to_our_request_is_let_in(self) -> None:
        """Whom we have asked may see us; only once, and not after they refused."""
        self.receive("<presence type='subscribe' from='erin@localhost'/>")
        self.assertEqual(self.sent(), [("presence", "subscribed", "erin@localhost")])

    def test_who_refused_us_has_to_ask(self) -> None:
        """A refusal ends our standing invitation."""
        self.receive("<presence type='unsubscribed' from='erin@localhost'/>")
        self.receive("<presence type='subscribe' from='erin@localhost'/>")
        self.assertEqual(self.sent(), [])

    def test_what_came_back(self) -> None:
        """What a server says of whom we asked stands at the contact, and is told once."""
        condition = "<{} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        for error, words in (
            (condition.format("remote-server-not-found"), "localhost cannot be found"),
            (condition.format("remote-server-timeout"), "does not answer"),
            (condition.format("item-not-found"), "no account erin@localhost"),
            (condition.format("policy-violation"), "policy-violation"),
            ("<x xmlns='urn:y'/>", "no reason"),
            ("", "no reason"),
        ):
            stanza = f"<presence type='error' from='erin@localhost'><error code='7'>{error}</error>"
            for _ in range(2):
                self.receive(f"{stanza}</presence>")
            erin = self.contacts.contacts[-1]
            self.assertEqual(erin.jid, "erin@localhost")
            self.assertIn(words, str(erin.error))
        told = [event for event in self.told if isinstance(event, ContactChanged)]
        self.assertEqual(len(told), 5)
        item = "<item jid='erin@localhost' subscription='to'/>"
        query = f"<query xmlns='jabber:iq:roster'>{item}</query>"
        self.receive(f"<iq type='set' id='p1'>{query}</iq>")
        self.assertIsNone(self.contacts.contacts[-1].error)

    def test_errors_of_others(self) -> None:
        """Nobody whom we did not ask has anything to tell, contact or not."""
        for sender in ("bob@localhost", "mallory@localhost", "alice@localhost", ""):
            self.receive(f"<presence type='error' from='{sender}'><error/></presence>")
        self.assertEqual(self.told, [])

    def test_pre_approval_where_the_server_can(self) -> None:
        """Then the answer's request is let in even while we are away (RFC 6121 §3.4)."""
        self.manager.stub.xmlstream.features = {("urn:xmpp:features:pre-approval", "sub"): True}
        adding = Deferred.fromCoroutine(self.contacts.add("Frank@LOCALHOST/x", "F"))
        item = self.output[-1].query.item
        self.assertEqual((item["jid"], item["name"]), ("frank@localhost", "F"))
        self.answer("")
        self.successResultOf(adding)
        self.assertEqual(
            self.sent()[1:],
            [
                ("presence", "subscribed", "frank@localhost"),
                ("presence", "subscribe", "frank@localhost"),
            ],
        )

    def test_who_is_not_removed(self) -> None:
        """A request that waits still does, so that nothing is done halfway."""
        item = "<item jid='frank@localhost' subscription='none'/>"
        push = f"<query xmlns='jabber:iq:roster'>{item}</query>"
        self.receive(f"<iq type='set' id='push'>{push}</iq>")
        self.receive("<presence type='subscribe' from='frank@localhost'/>")
        self.output.clear()
        removing = Deferred.fromCoroutine(self.contacts.remove("frank@localhost"))
        iq = self.output[-1]
        self.receive(
            f"<iq type='error' id='{iq['id']}' from='alice@localhost'><error type='wait'>"
            "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        self.failureResultOf(removing, RequestRefused)
        self.assertEqual([s for s in self.output if s.name == "presence"], [])
        (frank,) = [c for c in self.contacts.contacts if c.jid == "frank@localhost"]
        self.assertEqual(frank.pending, Pending.IN)


class PresenceTests(HandlerCase):
    """Who is there."""

    def test_contacts_come_and_go(self) -> None:
        """Each resource is told once when it comes and once when it goes, and what is between."""
        self.receive("<presence from='bob@localhost/a'/>")
        self.receive("<presence from='bob@localhost/a'><show>away</show></presence>")
        self.receive("<presence from='bob@localhost/b\U0001f4f1'/>")
        self.receive("<presence from='bob@localhost/a' type='unavailable'/>")
        self.assertEqual(
            self.told,
            [
                PresenceChanged(jid="bob@localhost", resource="a", online=True),
                PresenceRepeated(jid="bob@localhost", resource="a"),
                PresenceChanged(jid="bob@localhost", resource="b\U0001f4f1", online=True),
                PresenceChanged(jid="bob@localhost", resource="a", online=False),
            ],
        )

    def come_and_go(self, resource: str) -> None:
        """Have a resource of bob's come and go."""
        self.receive(f"<presence from='bob@localhost/{resource}'/>")
        self.receive(f"<presence from='bob@localhost/{resource}' type='unavailable'/>")

    def test_who_comes_and_goes_without_end(self) -> None:
        """It is told only now and then, as each coming has us ask; the last word counts at last."""
        for _ in range(1000):
            self.come_and_go("a")
        self.assertEqual(len(self.told), 2 * COMINGS[0])
        self.told.clear()
        self.receive("<presence from='bob@localhost/a'/>")
        self.receive("<presence from='bob@localhost/b'/>")
        came = PresenceChanged(jid="bob@localhost", resource="b", online=True)
        self.assertEqual(self.told, [came])
        self.clock.advance(HELD)
        self.assertEqual(self.told[1:], [replace(came, resource="a")])
        self.assertEqual(self.contacts.online("bob@localhost"), {"a", "b"})

    def test_who_comes_and_goes_by_ever_new_names(self) -> None:
        """An account has a bound of its own, and what went while it was held is not there."""
        for number in range(1000):
            self.come_and_go(f"r{number}")
        self.assertEqual(len(self.told), 2 * COMINGS_OF_ACCOUNT[0])
        self.told.clear()
        self.clock.advance(HELD)
        self.assertEqual(self.told, [])
        self.assertEqual(self.contacts.online("bob@localhost"), set())

    def test_nobody_is_held_beyond_the_session(self) -> None:
        """The next one tells anew who is there."""
        for _ in range(COMINGS[0]):
            self.come_and_go("a")
        self.receive("<presence from='bob@localhost/a'/>")
        self.contacts.connectionLost(None)
        self.told.clear()
        self.clock.advance(HELD)
        self.assertEqual(self.told, [])

    def test_an_account_can_go_as_a_whole(self) -> None:
        """Unavailable from the bare JID means every resource."""
        self.receive("<presence from='bob@localhost/a'/><presence from='bob@localhost/b'/>")
        self.receive("<presence from='bob@localhost/b'/>")
        self.receive("<presence from='bob@localhost' type='unavailable'/>")
        gone = [e for e in self.told if isinstance(e, PresenceChanged) and not e.online]
        self.assertEqual([event.resource for event in gone], ["a", "b"])

    def test_strangers_and_untrusted_ones_are_not_told(self) -> None:
        """Directed presence of a stranger, and of one who only follows us, says nothing."""
        for sender in ("mallory@localhost/x", "dave@localhost/x", "", "x" * 5000):
            self.receive(f"<presence from='{sender}'/>")
        self.receive("<presence/>")
        self.assertEqual(self.told, [])

    def test_our_own_resources(self) -> None:
        """Our other devices are told, the echo of our own presence is not."""
        self.receive("<presence from='alice@localhost/here'/>")
        self.receive("<presence from='alice@localhost/desk'/>")
        self.assertEqual(
            self.told, [PresenceChanged(jid="alice@localhost", resource="desk", online=True)]
        )

    def test_presence_before_trust_is_told_with_it(self) -> None:
        """Who was seen before the subscription was known is told when it is."""
        self.receive("<presence from='erin@localhost/x'/>")
        self.assertEqual(self.told, [])
        self.receive(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
            "<item jid='erin@localhost' subscription='to'/></query></iq>"
        )
        self.assertEqual(
            self.told[-1], PresenceChanged(jid="erin@localhost", resource="x", online=True)
        )

    def test_who_may_know_of_us(self) -> None:
        """Who sees us, their servers, our own devices and server; nobody else."""
        known = ("bob@localhost/x", "dave@localhost", "alice@localhost/desk", "localhost", "")
        for sender in known:
            self.assertTrue(self.contacts.knows_of_us(sender), sender)
        strangers = ("carol@localhost/x", "erin@localhost", "mallory@example.org/x", "example.org")
        for sender in (*strangers, "x@" + "y" * 4000, "conference.localhost"):
            self.assertFalse(self.contacts.knows_of_us(sender), sender)
        self.receive(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
            "<item jid='grace@example.org' subscription='from'/></query></iq>"
        )
        self.assertTrue(self.contacts.knows_of_us("example.org"))

    def test_resources_are_bounded(self) -> None:
        """No more than 64 of one contact are remembered."""
        for n in range(100):
            self.receive(f"<presence from='bob@localhost/{n}'/>")
        self.assertEqual(len(self.contacts.online("bob@localhost")), 64)


class EventTests(HandlerCase):
    """What others publish."""

    def items(self, content: str, sender: str = "bob@localhost", node: str = NS_SHARES) -> None:
        """Let an event with these items come in."""
        self.receive(event_of(sender, f"<items node='{node}'>{content}</items>"))

    def test_a_contacts_item_is_told(self) -> None:
        """With its id and what it says."""
        self.items(item_of("laptop"))
        (event,) = self.told
        assert isinstance(event, ItemPublished)
        self.assertEqual((event.jid, event.item_id), ("bob@localhost", "laptop"))
        self.assertEqual(list(event.announcements[0].shares), [HASH])

    def test_strangers_are_refused_counted_and_logged_once(self) -> None:
        """By itself, wokkel hands on whatever anybody sends."""
        for _ in range(3):
            self.items(item_of("x"), "mallory@localhost")
        self.items(item_of("x"), "dave@localhost")
        self.items(item_of("x"), "")
        self.receive(f"<message><event xmlns='{PUBSUB}#event'/></message>")
        self.assertEqual(self.told, [])
        self.assertEqual(self.pep.refused, 6)
        self.assertEqual(len(self.pep._logged), 3)

    def test_a_client_is_not_an_account(self) -> None:
        """Events come from bare JIDs; another one could pretend to be the account."""
        self.items(item_of("x"), "bob@localhost/evil")
        self.assertEqual((self.told, self.pep.refused), ([], 1))

    def test_other_nodes_are_ignored(self) -> None:
        """What else a contact publishes is none of our business."""
        self.items(item_of("x"), node="urn:xmpp:avatar:data")
        self.assertEqual((self.told, self.pep.refused), ([], 0))

    def test_our_echo_is_ignored(self) -> None:
        """What we published ourselves comes back; our other devices' items are told."""
        self.items(item_of("here"), "alice@localhost")
        self.assertEqual(self.told, [])
        self.items(item_of("desk"), "alice@localhost")
        self.assertIsInstance(self.told.pop(), ItemPublished)

    def test_nobody_tells_what_we_share(self) -> None:
        """An item of another device that speaks of ours is cut."""
        other = item_of("here").replace("id='here'", "id='current'")
        self.items(other, "alice@localhost")
        self.assertEqual(
            self.told,
            [ItemPublished(jid="alice@localhost", item_id="current", announcements=())],
        )

    def test_retracts_deletion_and_purge(self) -> None:
        """Each says what is left."""
        self.items("<retract id='laptop'/>")
        self.receive(event_of("bob@localhost", f"<delete node='{NS_SHARES}'/>"))
        self.receive(event_of("bob@localhost", f"<purge node='{NS_SHARES}'/>"))
        nothing = ItemsRead(jid="bob@localhost", items={})
        self.assertEqual(
            self.told, [ItemRetracted(jid="bob@localhost", item_id="laptop"), nothing, nothing]
        )

    def test_malformed_events_do_no_harm(self) -> None:
        """Whatever a contact puts into an event, nothing is raised and the next one is read."""
        for content in (
            "<items/>",
            "<delete/>",
            "<items node=''/>",
            f"<items node='{NS_SHARES}'><item/><what/><item id='{'x' * 2000}'/></items>",
            f"<items node='{NS_SHARES}'><retract/></items>",
            f"<items node='{NS_SHARES}'>text</items>",
            f"<configuration node='{NS_SHARES}'/>",
            "text",
        ):
            self.receive(event_of("bob@localhost", content))
        self.receive(event_of("bob@localhost", "").replace("headline", "error"))
        self.assertEqual(self.told, [])
        self.items(item_of("laptop"))
        self.assertEqual(len(self.told), 1)

    def test_dropped_entries_are_counted(self) -> None:
        """A bad entry beside a good one is dropped and counted, the good one stands."""
        bad = "<share_item name='x' hash='nonsense' size='1'/>"
        self.items(item_of("laptop").replace("</resource>", f"{bad}</resource>"))
        self.assertEqual(self.pep.dropped, 1)
        (event,) = self.told
        assert isinstance(event, ItemPublished)
        self.assertEqual(len(event.announcements[0].shares), 1)


class ReadingTests(HandlerCase):
    """Reading a contact's node."""

    def asked(self) -> list[str]:
        """Whose items were asked for."""
        return [e["to"] for e in self.output if e.name == "iq" and e.pubsub.items is not None]

    def result(self, content: str) -> str:
        """A node's items."""
        return f"<pubsub xmlns='{PUBSUB}'><items node='{NS_SHARES}'>{content}</items></pubsub>"

    def test_every_item_is_told(self) -> None:
        """Both of two resources' items come out, by id."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.answer(self.result(item_of("a") + item_of("b")), sender="bob@localhost")
        (event,) = self.told
        assert isinstance(event, ItemsRead)
        self.assertEqual(list(event.items), ["a", "b"])

    def test_several_wishes_make_one_request(self) -> None:
        """Resources that come online together are read together, later ones again."""
        for _ in range(3):
            self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"])
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"])
        self.answer(self.result(""), sender="bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"] * 2)

    def test_few_at_a_time(self) -> None:
        """A large roster is not asked all at once."""
        for n in range(20):
            self.pep.read(f"x{n}@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 4)
        self.answer(self.result(""), index=0, sender="x0@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 5)

    def test_no_node_means_no_shares(self) -> None:
        """Any other failure says nothing."""
        for condition, told in (
            ("item-not-found", [ItemsRead(jid="bob@localhost", items={})]),
            ("remote-server-timeout", []),
        ):
            self.told.clear()
            self.pep.read("bob@localhost")
            self.clock.advance(1)
            request = self.output[-1]
            self.receive(
                f"<iq type='error' id='{request['id']}' from='bob@localhost'><error type='cancel'>"
                f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
            self.assertEqual(self.told, told)

    def test_no_answer_and_a_senseless_one(self) -> None:
        """Neither tells anything, and neither stops the reading of others."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.answer("", sender="bob@localhost")
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.clock.advance(31)
        self.assertEqual(self.told, [])
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 3)

    def test_who_lost_our_trust_meanwhile_is_not_told(self) -> None:
        """The answer counts only if the contact still does."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        request = self.output[-1]
        self.receive(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
            "<item jid='bob@localhost' subscription='remove'/></query></iq>"
        )
        self.told.clear()
        self.receive(
            f"<iq type='result' id='{request['id']}' from='bob@localhost'>"
            f"{self.result(item_of('a'))}</iq>"
        )
        self.assertEqual(self.told, [])


class NodeTests(HandlerCase):
    """Setting up our node, and publishing."""

    def error(self, condition: str) -> None:
        """Refuse what was sent last."""
        request = self.output[-1]
        self.receive(
            f"<iq type='error' id='{request['id']}'><error type='cancel'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )

    def read_own(self, content: str = "") -> None:
        """Answer the reading of our own node."""
        self.answer(
            f"<pubsub xmlns='{PUBSUB}'><items node='{NS_SHARES}'>{content}</items></pubsub>"
        )

    def options(self) -> dict[str, str]:
        """The form in what was sent last."""
        form = next(e for e in _walk(self.output[-1]) if e.name == "x")
        return {f["var"]: str(f.value) for f in form.elements() if f.name == "field"}

    def test_a_new_node_is_created_and_published_to(self) -> None:
        """Configuring fails, creating takes the options, and the item follows plainly."""
        self.pep.announce([], [])
        self.pep.begin()
        self.assertIsNotNone(self.output[-1].pubsub.configure)
        self.error("item-not-found")
        self.assertEqual(self.output[-1].pubsub.create["node"], NS_SHARES)
        options = self.options()
        self.assertEqual(options["pubsub#access_model"], "presence")
        self.assertGreater(int(options["pubsub#max_items"]), 1)
        self.answer("")
        self.error("item-not-found")
        self.clock.advance(0)
        publish = self.output[-1].pubsub.publish
        self.assertEqual((publish["node"], publish.item["id"]), (NS_SHARES, "here"))
        self.assertEqual(self.options()["pubsub#access_model"], "presence")

    def test_our_own_item_on_the_server_is_known(self) -> None:
        """It is not told, other devices' items are, and nothing is published if it is right."""
        self.pep.announce([], [])
        self.pep.begin()
        self.answer("")
        own = (
            "<resource resource='here'>"
            "<list xmlns='urn:bitween:1' id='list' revision='0' count='0' size='0'/></resource>"
        )
        item = f"<item id='here'><user_shares xmlns='{NS_SHARES}'>{own}</user_shares></item>"
        self.read_own(item + item_of("desk"))
        self.clock.advance(5)
        (event,) = self.told
        assert isinstance(event, ItemsRead)
        self.assertEqual((event.jid, list(event.items)), ("alice@localhost", ["desk"]))
        self.assertEqual([e for e in self.output if e.pubsub.publish is not None], [])

    def test_a_server_that_refuses_the_node(self) -> None:
        """Then the item goes out only on condition that not everybody may see it."""
        self.pep.announce([], [])
        self.pep.begin()
        self.error("not-acceptable")
        self.read_own()
        self.clock.advance(0)
        self.error("not-acceptable")
        self.assertIsNotNone(self.output[-1].pubsub.publish)
        self.assertEqual(self.options()["pubsub#access_model"], "presence")

    def published(self) -> int:
        """How often our item was published."""
        return len([e for e in self.output if e.name == "iq" and e.pubsub.publish is not None])

    def publish_first(self) -> Any:
        """Begin, and let the first item be published; the item."""
        self.pep.announce([], [])
        self.pep.begin()
        self.answer("")
        self.read_own()
        self.clock.advance(0)
        item = self.output[-1].pubsub.publish.item
        self.answer("")
        self.output.clear()
        return item

    def test_what_others_make_of_our_node_is_mended(self) -> None:
        """
        Whatever they take away, overwrite or set otherwise: it is set up and read again.

        What our other devices have published is learned by that, too.
        """
        items = f"<items node='{NS_SHARES}'>"
        for content in (
            f"<delete node='{NS_SHARES}'/>",
            f"<purge node='{NS_SHARES}'/>",
            f"<configuration node='{NS_SHARES}'/>",
            f"{items}<retract id='here'/></items>",
            f"{items}{item_of('here')}</items>",
            f"{items}<item id='here'/></items>",
        ):
            self.setUp()
            self.publish_first()
            self.receive(event_of("alice@localhost", content))
            self.clock.advance(3)
            self.assertIsNotNone(self.output[-1].pubsub.configure, content)
            self.answer("")
            self.assertIsNone(self.output[-1].pubsub.items.item)
            self.told.clear()
            self.read_own(item_of("here") + item_of("phone"))
            (event,) = [event for event in self.told if isinstance(event, ItemsRead)]
            self.assertEqual((event.jid, set(event.items)), ("alice@localhost", {"phone"}))
            self.clock.advance(0)
            self.assertEqual(self.published(), 1, content)

    def test_our_own_notification_is_no_reason_to_look(self) -> None:
        """What we published is told to us, too, and others' word of our item counts for nothing."""
        item = self.publish_first()
        item.uri = f"{PUBSUB}#event"
        content = item.toXml(defaultUri=f"{PUBSUB}#event")
        for sender in ("alice@localhost", "alice@localhost", "bob@localhost"):
            self.receive(event_of(sender, f"<items node='{NS_SHARES}'>{content}</items>"))
        self.receive(event_of("bob@localhost", f"<delete node='{NS_SHARES}'/>"))
        self.clock.advance(60)
        self.assertEqual(self.output, [])

    def test_a_node_that_others_may_read_is_closed_first(self) -> None:
        """The server refuses the item until the node lets only contacts see it."""
        self.pep.announce([], [])
        self.pep.begin()
        self.answer("")
        self.read_own()
        self.clock.advance(0)
        self.error("conflict")
        self.assertIsNotNone(self.output[-1].pubsub.configure)
        self.answer("")
        self.assertIsNotNone(self.output[-1].pubsub.publish)


class DiscoveryTests(HandlerCase):
    """What we say of ourselves."""

    def ask(self, query: str, sender: str = "bob@localhost/x\U0001f4f1") -> Any:
        """Ask, and give the answer."""
        self.receive(f"<iq type='get' id='d' from='{sender}'>{query}</iq>")
        return self.output.pop()

    def test_features_are_told(self) -> None:
        """To the plain question and to the one with our node, whoever asks."""
        for node in ("", f"node='{NODE}#{VERIFICATION}'"):
            answer = self.ask(f"<query xmlns='http://jabber.org/protocol/disco#info' {node}/>")
            features = {e["var"] for e in answer.query.elements() if e.name == "feature"}
            self.assertEqual(answer["type"], "result")
            self.assertIn(f"{NS_SHARES}+notify", features)

    def test_other_nodes_are_not_found(self) -> None:
        """There is nothing else to discover."""
        answer = self.ask("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>")
        self.assertEqual(answer["type"], "error")
        answer = self.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>")
        self.assertEqual((answer["type"], list(answer.query.elements())), ("result", []))


def _walk(element: Any) -> Any:
    yield element
    for child in element.elements():
        yield from _walk(child)

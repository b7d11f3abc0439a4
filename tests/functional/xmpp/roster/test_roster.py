"""Roster, subscriptions and presence, on a stream in memory."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import RequestRefused
from bitween.model.contact import Pending, Subscription
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
)
from bitween.xmpp.roster.devices import ARRIVALS, ARRIVALS_OF_ACCOUNT, HELD
from bitween.xmpp.roster.new_contacts import SETTLING
from bitween.xmpp.roster.requests import MAX_REQUESTS, MAX_REQUESTS_OF_DOMAIN
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.roster.subscription_retry import FIRST_DELAY
from tests.support.handler_case import (
    ROSTER,
    HandlerCase,
    Manager,
    xml,
)


class SessionTests(SynchronousTestCase):
    """The beginning of a session."""

    def test_the_roster_comes_before_presence(self) -> None:
        """So that nobody's word comes before we know whom to trust."""
        manager = Manager(Clock())
        contacts = Roster(Clock(), lambda _: None, manager.presence)
        contacts.setHandlerParent(manager)
        (request,) = manager.stub.output
        self.assertEqual(request.query.uri, "jabber:iq:roster")
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{ROSTER}</iq>"))
        presence = manager.stub.output[1]
        self.assertEqual(
            (presence.name, presence.c["ver"]), ("presence", manager.caps.verification)
        )
        self.assertEqual((str(presence.show), str(presence.priority)), ("xa", "-1"))
        self.assertTrue(manager.online)

    def test_the_roster_is_told(self) -> None:
        """Those whose word counts are named, before anybody's presence comes."""
        manager, told = Manager(Clock()), list[MessengerEvent]()
        Roster(Clock(), told.append, manager.presence).setHandlerParent(manager)
        (request,) = manager.stub.output
        manager.stub.send(xml(f"<iq type='result' id='{request['id']}'>{ROSTER}</iq>"))
        trusted = frozenset({"alice@localhost", "bob@localhost", "carol@localhost"})
        self.assertEqual(told[-1], RosterRead(trusted=trusted))

    def test_without_a_roster_the_session_is_given_up(self) -> None:
        """A server that does not give it is of no use."""
        manager = Manager(Clock())
        Roster(Clock(), lambda _: None, manager.presence).setHandlerParent(manager)
        (request,) = manager.stub.output
        manager.stub.send(xml(f"<iq type='error' id='{request['id']}'/>"))
        self.assertEqual(len(manager.given_up), 1)
        self.assertFalse(manager.online)

    def test_bad_roster_entries_are_left_out(self) -> None:
        """One that cannot be understood does not hide the others."""
        manager = Manager(Clock())
        contacts = Roster(Clock(), lambda _: None, manager.presence)
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
        contacts = Roster(Clock(), told.append, manager.presence)
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
        """Otherwise ejabberd sends them none of our items; no other contact gets that presence."""
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
        """Our own request that ejabberd may have dropped is; that of a chat program is not."""
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
        """It is neither answered nor shown as a contact request."""
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
        """A withdrawn request is no longer shown."""
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
        """The error for our request is shown with the contact, and notified once."""
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
        self.assertEqual(len(self.told), 2 * ARRIVALS[0])
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
        self.assertEqual(len(self.told), 2 * ARRIVALS_OF_ACCOUNT[0])
        self.told.clear()
        self.clock.advance(HELD)
        self.assertEqual(self.told, [])
        self.assertEqual(self.contacts.online("bob@localhost"), set())

    def test_nobody_is_held_beyond_the_session(self) -> None:
        """The next session sends again who is online."""
        for _ in range(ARRIVALS[0]):
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

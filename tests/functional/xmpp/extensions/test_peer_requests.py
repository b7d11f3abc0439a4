"""Peer requests on a stream in memory: which senders are served, and how answers are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from bitween.errors import NotConnected, RequestRefused, UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.dial_back import DialBack
from bitween.model.torrent import InfoHash
from bitween.xmpp.extensions.peer_request_server import (
    CONNECTS,
    DIAL_BACKS,
    MAX_RUNNING,
    MAX_RUNNING_FOR_ONE,
    PROOFS,
    PeerRequestServer,
    PeerServices,
)
from bitween.xmpp.extensions.peer_requests import ANSWER_TIMEOUT, PeerRequests
from bitween.xmpp.namespaces import NS_BITWEEN, NS_NEIGHBOURS, NS_PEER_REQUESTS
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.send_budget import BURST, RATE, send_budget
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from tests.support.handler_case import HASH, ROSTER, HandlerCase, Manager

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip

BOB, LAPTOP = "bob@localhost", "bob@localhost/laptop"
FOUR = PeerAddress.parse("198.51.100.7", 6881)
SIX = PeerAddress.parse("2001:db8::7", 6882)
TOKEN = bytes(range(16))
OURS = (
    Candidate(FOUR, CandidateKind.MAPPED, reached=True),
    Candidate(SIX, CandidateKind.REFLEXIVE, varies=True),
)
DISCO = "http://jabber.org/protocol/disco#info"
ADDRESS = "<address address='198.51.100.7' port='6881'/>"


class PeerRequestCase(HandlerCase):
    """A stream in memory with the handler on it, logged in; bob's laptop is online."""

    def setUp(self) -> None:
        """Log in, with the roster of the other tests."""
        self.clock = Clock()
        self.manager = Manager(self.clock)
        self.contacts = Roster(self.clock, lambda _: None, self.manager.presence)
        self.budget = send_budget(self.clock)
        self.requests = PeerRequests(self.budget, self.contacts.is_mutual)
        self.server = PeerRequestServer(self.clock, self.contacts.is_mutual)
        for handler in (self.contacts, self.requests, self.server, FallbackHandler()):
            handler.setHandlerParent(self.manager)
        self.answer(ROSTER)
        for sender in (LAPTOP, "carol@localhost/pc", "alice@localhost/there"):
            self.receive(f"<presence from='{sender}'/>")
        self.output.clear()

    def replies(self) -> list[str]:
        """What was answered: ``result``, or the condition of the error."""
        said = [
            iq["type"] if iq["type"] == "result" else next(iq.error.elements()).name
            for iq in self.output
            if iq.getAttribute("type") in {"result", "error"}
        ]
        self.output.clear()
        return said


class AskedTests(PeerRequestCase):
    """What others ask of us."""

    def setUp(self) -> None:
        """Note what is asked."""
        super().setUp()
        self.asked: list[tuple[object, ...]] = []
        self.dialling: list[Deferred[DialBack]] = []
        self.cancelled: list[Deferred[DialBack]] = []
        self.server.serve(
            PeerServices(
                dial_back=self.dials_back,
                connect=self.meets,
                prove=lambda *asked: self.asked.append(asked),
            )
        )

    def dials_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """Dial until the test says what came of it."""
        self.asked.append((jid, resource, *addresses))
        self.dialling.append(Deferred(self.cancelled.append))
        return self.dialling[-1]

    def meets(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Meet for one torrent only."""
        self.asked.append((jid, resource, *candidates))
        if info_hash != HASH:
            raise UnknownTorrent("not here")
        return OURS

    def ask_to_dial(self, sender: str = LAPTOP, content: str = ADDRESS) -> None:
        """Let a request come in."""
        self.receive(
            f"<iq type='get' id='d' from='{sender}' to='alice@localhost/here'>"
            f"<dial-back xmlns='{NS_BITWEEN}'>{content}</dial-back></iq>"
        )

    def ask_to_meet(self, sender: str = LAPTOP, content: str = "", hashed: str = HASH) -> None:
        """Let a request come in."""
        self.receive(
            f"<iq type='set' id='m' from='{sender}' to='alice@localhost/here'>"
            f"<meet xmlns='{NS_BITWEEN}' hash='{hashed}'>{content}</meet></iq>"
        )

    def ask_to_prove(self, sender: str = LAPTOP, token: str = TOKEN.hex()) -> None:
        """Let a request come in."""
        self.receive(
            f"<iq type='set' id='n' from='{sender}' to='alice@localhost/here'>"
            f"<neighbour xmlns='{NS_BITWEEN}' token='{token}'/></iq>"
        )

    def test_a_neighbour_is_proved_to(self) -> None:
        """Its token is sent, as often as it has a quota; nonsense is not."""
        self.ask_to_prove()
        self.assertEqual(self.asked, [(BOB, "laptop", TOKEN)])
        self.assertEqual(self.replies(), ["result"])
        for token in ("", "x" * 32, TOKEN.hex()[1:], "0" * 64):
            self.ask_to_prove(token=token)
            self.assertEqual(self.replies(), ["bad-request"])
        for _ in range(PROOFS[0]):
            self.ask_to_prove()
        self.assertIn("policy-violation", self.replies())
        self.assertLessEqual(len(self.asked), PROOFS[0])

    def test_a_contact_is_dialled_back(self) -> None:
        """It is told what was reached; only when that is known."""
        self.ask_to_dial(content=ADDRESS * 2 + "<address address='2001:db8::7' port='6882'/>")
        self.assertEqual(self.asked, [(BOB, "laptop", FOUR, SIX)])
        self.assertEqual(self.replies(), [])
        self.dialling[0].callback(DialBack({FOUR: True, SIX: False}))
        (answer,) = self.output
        self.assertEqual((answer["to"], answer["id"], answer["type"]), (LAPTOP, "d", "result"))
        said = [(e["address"], e["reached"]) for e in answer.children[0].elements()]
        self.assertEqual(said, [("198.51.100.7", "true"), ("2001:db8::7", "false")])

    def test_a_contact_is_met(self) -> None:
        """Its candidates come here, ours go there; bad ones do not count, nor does one twice."""
        good = "<candidate address='198.51.100.7' port='6881' kind='mapped' reached='true'/>"
        bad = "<candidate address='224.0.0.1' port='6881' kind='mapped'/>"
        self.ask_to_meet(content=good + bad + good)
        self.assertEqual(self.asked, [(BOB, "laptop", OURS[0])])
        (answer,) = self.output
        meet = next(answer.elements(NS_BITWEEN, "meet"))
        self.assertEqual(meet["hash"], HASH)
        self.assertEqual([c["kind"] for c in meet.elements()], ["mapped", "seen"])

    def test_our_other_device_is_served(self) -> None:
        """Our own account needs no entry in the roster."""
        self.ask_to_meet("alice@localhost/there")
        self.assertEqual(self.replies(), ["result"])

    def test_others_learn_nothing(self) -> None:
        """Who is no mutual contact, or not there, is answered as if we knew no such request."""
        for sender in (
            "mallory@localhost/x",
            "carol@localhost/pc",  # we see her, she does not see us
            "dave@localhost/pc",  # the other way round
            BOB,
            "bob@localhost/gone",
        ):
            self.ask_to_dial(sender)
            self.ask_to_meet(sender)
            self.ask_to_prove(sender)
            self.assertEqual(self.replies(), ["service-unavailable"] * 3, sender)
        self.assertEqual(self.asked, [])

    def test_who_serves_nobody_does_not_answer(self) -> None:
        """Before the application sets a service, requests for it are unknown."""
        self.server = PeerRequestServer(self.clock, self.contacts.is_mutual)
        manager = Manager(self.clock)
        for handler in (self.server, FallbackHandler()):
            handler.setHandlerParent(manager)
        self.manager = manager
        self.ask_to_dial()
        self.ask_to_meet()
        self.ask_to_prove()
        self.assertEqual(self.replies(), ["service-unavailable"] * 3)

    def test_malformed_requests_are_bad_requests(self) -> None:
        """No address, a wrong one, too many, no hash: a bad request; nothing is done."""
        for content in ("", ADDRESS * 5, "<address address='localhost' port='1'/>"):
            self.ask_to_dial(content=content)
            self.assertEqual(self.replies(), ["bad-request"])
        self.ask_to_meet(hashed="x")
        self.assertEqual(self.replies(), ["bad-request"])
        self.assertEqual(self.asked, [])

    def test_nothing_to_meet_for(self) -> None:
        """A torrent that we do not have is not found."""
        self.ask_to_meet(hashed="b" * 40)
        self.assertEqual(self.replies(), ["item-not-found"])

    def test_so_many_dial_backs_are_answered(self) -> None:
        """Each person has a quota that comes back with time; another person has their own."""
        often, seconds = DIAL_BACKS
        for _ in range(often + 1):
            self.ask_to_dial()
            for dialling in self.dialling:
                dialling.callback(DialBack({}))
            self.dialling.clear()
        self.assertEqual(self.replies(), ["result"] * often + ["policy-violation"])
        self.ask_to_dial("alice@localhost/there")
        self.dialling.pop().callback(DialBack({}))
        self.clock.advance(seconds / often)
        self.ask_to_dial()
        self.dialling.pop().callback(DialBack({}))
        self.assertEqual(self.replies(), ["result"] * 2)

    def test_so_many_connect_requests_are_answered(self) -> None:
        """Each person has a quota."""
        often, _ = CONNECTS
        for _ in range(often + 1):
            self.ask_to_meet()
        self.assertEqual(self.replies(), ["result"] * often + ["policy-violation"])

    def test_few_are_dialled_at_once(self) -> None:
        """Dialling takes seconds; nobody takes all places, and there are not many."""
        names = [f"{name}@localhost" for name in ("bob", "dora", "emil")]
        for name in names:
            item = f"<item jid='{name}' subscription='both'/>"
            push = f"<query xmlns='jabber:iq:roster'>{item}</query>"
            self.receive(f"<iq type='set' id='push'>{push}</iq>")
            self.receive(f"<presence from='{name}/laptop'/>")
            self.output.clear()
            for _ in range(MAX_RUNNING_FOR_ONE + 1):
                self.ask_to_dial(f"{name}/laptop")
            self.assertIn("resource-constraint", self.replies())
        self.assertEqual([jid for jid, *_ in self.asked], sorted(2 * names[:2]))
        self.assertEqual(len(self.asked), MAX_RUNNING)

    def test_who_counts_no_longer_is_not_answered(self) -> None:
        """A contact that left, or was removed, while we dialled gets no answer."""
        self.ask_to_dial()
        self.receive(f"<presence from='{LAPTOP}' type='unavailable'/>")
        self.dialling[0].callback(DialBack({FOUR: True}))
        self.assertEqual(self.replies(), [])

    def test_a_session_that_ends_ends_the_dialling(self) -> None:
        """Nobody could be told."""
        self.ask_to_dial()
        self.server.connectionLost(None)
        self.assertEqual(self.cancelled, [self.dialling[0]])


class AskingTests(PeerRequestCase):
    """What we ask of others."""

    def dial_back(self) -> Deferred[DialBack]:
        """Ask bob's laptop."""
        return self.requests.dial_back(BOB, "laptop", [FOUR, SIX])

    def connect(self) -> Deferred[tuple[Candidate, ...]]:
        """Ask bob's laptop."""
        return self.requests.request_connection(BOB, "laptop", InfoHash(HASH), OURS)

    def knows_how(self) -> None:
        """Let it tell its features."""
        features = "".join(f"<feature var='{feature}'/>" for feature in PeerRequestServer.features)
        self.answer(f"<query xmlns='{DISCO}'>{features}</query>", sender=LAPTOP)

    def refusal(self, attempt: Deferred[Any]) -> str:
        """Why it was refused."""
        return str(self.failureResultOf(attempt, RequestRefused).value)

    def test_we_say_that_we_can_be_asked(self) -> None:
        """The features are among ours."""
        self.assertIn(NS_PEER_REQUESTS, self.manager.caps.all_features)
        self.assertIn(NS_NEIGHBOURS, self.manager.caps.all_features)

    def test_it_waits_for_room(self) -> None:
        """Contacts can have us ask often: that holds up nothing else."""
        self.budget.consume(BURST)
        asking = self.connect()
        self.assertEqual(self.output, [])
        self.clock.advance(BURST / RATE)
        self.assertEqual([iq["to"] for iq in self.output], [LAPTOP])
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_the_proof_token_goes_only_to_devices_that_support_it(self) -> None:
        """A resource that knows how is sent the token; one that does not is not asked."""
        asking = self.requests.prove(BOB, "laptop", TOKEN)
        self.knows_how()
        self.assertEqual(self.output[-1].children[0]["token"], TOKEN.hex())
        self.answer(f"<neighbour xmlns='{NS_BITWEEN}'/>", sender=LAPTOP)
        self.assertIsNone(self.successResultOf(asking))
        self.requests.contact_left(BOB, "laptop")
        asking = self.requests.prove(BOB, "laptop", TOKEN)
        feature = f"<feature var='{NS_PEER_REQUESTS}'/>"
        self.answer(f"<query xmlns='{DISCO}'>{feature}</query>", sender=LAPTOP)
        self.assertIn("too old", self.refusal(asking))

    def test_being_dialled_back(self) -> None:
        """Of the addresses that we named, the answer counts; of others it does not."""
        asking = self.dial_back()
        self.knows_how()
        request = self.output[-1]
        self.assertEqual((request["to"], request["type"]), (LAPTOP, "get"))
        named = [(e["address"], e["port"]) for e in request.children[0].elements()]
        self.assertEqual(named, [("198.51.100.7", "6881"), ("2001:db8::7", "6882")])
        self.answer(
            f"<dial-back xmlns='{NS_BITWEEN}'>"
            "<address address='198.51.100.7' port='6881' reached='true'/>"
            "<address address='198.51.100.7' port='6881' reached='false'/>"
            "<address address='198.51.100.8' port='6881' reached='true'/>"
            "<address address='2001:db8::7' port='6882' reached='maybe'/>"
            "</dial-back>",
            sender=LAPTOP,
        )
        self.assertEqual(self.successResultOf(asking), DialBack({FOUR: True}))

    def test_an_agreed_request_returns_candidates(self) -> None:
        """Its candidates come back, as many as are read."""
        asking = self.connect()
        self.knows_how()
        candidates = "".join(
            f"<candidate address='192.0.2.{n}' port='1' kind='host'/>" for n in range(30)
        )
        self.answer(f"<meet xmlns='{NS_BITWEEN}' hash='{HASH}'>{candidates}</meet>", sender=LAPTOP)
        self.assertEqual(len(self.successResultOf(asking)), MAX_CANDIDATES)

    def test_its_features_are_asked_once(self) -> None:
        """Until it goes; then it may come back as another version."""
        first = self.connect()
        self.knows_how()
        self.answer(f"<meet xmlns='{NS_BITWEEN}'/>", sender=LAPTOP)
        self.assertEqual(self.successResultOf(first), ())
        second = self.connect()
        self.assertEqual(self.output[-1].children[0].name, "meet")
        self.answer(f"<meet xmlns='{NS_BITWEEN}'/>", sender=LAPTOP)
        self.assertEqual(self.successResultOf(second), ())
        self.requests.contact_left(BOB, "laptop")
        self.connect().addErrback(lambda _: None)
        self.assertEqual(self.output[-1].children[0].uri, DISCO)

    def test_a_device_that_leaves_first_is_not_told_our_addresses(self) -> None:
        """Our addresses are for contacts; a device may leave while it is asked for its features."""
        attempt = self.connect()
        self.receive(f"<presence from='{LAPTOP}' type='unavailable'/>")
        self.knows_how()
        self.refusal(attempt)
        self.assertEqual([iq for iq in self.output if iq.firstChildElement().name == "meet"], [])

    def test_an_older_bitween_is_not_asked(self) -> None:
        """One without the feature is asked no more than what it can do."""
        asking = self.dial_back()
        self.answer(f"<query xmlns='{DISCO}'><feature var='{NS_BITWEEN}'/></query>", sender=LAPTOP)
        self.assertIn("ask them to update", self.refusal(asking))
        self.assertIn("ask them to update", self.refusal(self.connect()))
        self.assertEqual(len(self.output), 1)

    def test_nonsense_is_refused(self) -> None:
        """An answer without what was asked for is none."""
        asking = self.dial_back()
        self.knows_how()
        self.answer("<x/>", sender=LAPTOP)
        self.assertIn("malformed", self.refusal(asking))

    def test_a_refusal_is_told(self) -> None:
        """The condition comes through in words."""
        asking = self.dial_back()
        self.knows_how()
        self.receive(
            f"<iq type='error' id='{self.output[-1]['id']}' from='{LAPTOP}'><error type='wait'>"
            "<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        self.assertIn("policy-violation", self.refusal(asking))

    def test_nobody_waits_for_ever(self) -> None:
        """After a while without an answer that is the answer."""
        asking = self.dial_back()
        self.knows_how()
        self.clock.advance(ANSWER_TIMEOUT)
        self.assertIn("no answer", self.refusal(asking))

    def test_a_cancelled_request_ignores_its_answer(self) -> None:
        """Cancelling ends it; a late answer disturbs nobody."""
        asking = self.dial_back()
        self.knows_how()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.answer(f"<dial-back xmlns='{NS_BITWEEN}'/>", sender=LAPTOP)

    def test_without_a_session(self) -> None:
        """There is nobody to ask."""
        self.manager.online = False
        self.failureResultOf(self.dial_back(), NotConnected)

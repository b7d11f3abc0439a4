"""Wants and introductions between two devices: who is served, how often, and what is forged."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail

from bitween.errors import NotConnected, RequestRefused, UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash
from bitween.xmpp.extensions.wants import ANSWER_TIMEOUT, INTRODUCTIONS, MAX_OPEN, WANTS
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from bitween.xmpp.statements import LIFE
from tests.support.hostile_server_case import ALICE, BOB, HASH, HostileServerCase

OTHER = InfoHash("ef" * 20)
PLACES = (
    Candidate(PeerAddress.parse("198.51.100.7", 6881), CandidateKind.MAPPED, reached=True),
    Candidate(PeerAddress.parse("198.51.100.7", 7000), CandidateKind.REFLEXIVE, varies=True),
)
OFFER = Introduction(HASH, "7d2a9e4c", PLACES)


class WantsCase(HostileServerCase):
    """alice fetches from bob, whose daemon knows carol, too."""

    def want(self, info_hash: InfoHash = HASH) -> Any:
        """Tell bob that alice fetches."""
        return self.result(self.alice.wants.want(BOB, "laptop", info_hash))

    def introduce(self, offer: Introduction = OFFER) -> Any:
        """Have bob introduce another one to alice."""
        return self.result(self.bob.wants.introduce(ALICE, "here", offer))

    def ask(self, content: str, sender: str) -> str:
        """Let a request reach bob; the type of the answer, or the condition of the error."""
        self.bob.manager.stub.output.clear()
        self.server.inject(
            self.bob, f"<iq type='set' id='w' from='{sender}' to='{BOB}/laptop'>{content}</iq>"
        )
        answer = self.bob.manager.stub.output[-1]
        self.bob.manager.stub.output.clear()
        is_error = answer["type"] == "error"
        return str(next(answer.error.elements()).name if is_error else answer["type"])


class WantedTests(WantsCase):
    """What reaches the device that gives a share."""

    def test_a_want_is_answered_when_the_share_is_ready(self) -> None:
        """Before that, nothing is dialled."""
        ready: Deferred[None] = Deferred()
        self.bob.granting = lambda: ready
        wanting = self.alice.wants.want(BOB, "laptop", HASH)
        self.server.deliver()
        self.assertEqual(self.bob.wanted, [(ALICE, "here", HASH)])
        self.assertNoResult(wanting)
        ready.callback(None)
        self.server.deliver()
        self.assertIs(self.successResultOf(wanting), True)

    def test_a_share_that_is_not_for_the_asker_is_not_there(self) -> None:
        """The answer does not say more."""
        self.bob.granting = lambda: fail(UnknownTorrent("not here"))
        self.assertIs(self.want(), False)

    def test_other_refusals_are_errors(self) -> None:
        """So is silence: the asker dials all the same."""
        self.bob.granting = lambda: fail(ValueError("a mistake"))
        self.assertIsInstance(self.want(), RequestRefused)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.server.tamper = lambda _: []
        wanting = self.alice.wants.want(BOB, "laptop", HASH)
        self.clock.advance(1)
        self.clock.advance(ANSWER_TIMEOUT)
        self.failureResultOf(wanting, RequestRefused)
        self.alice.manager.online = False
        self.assertIsInstance(self.want(), NotConnected)

    def test_the_end_of_a_want(self) -> None:
        """It counts for an open want only, and tells whether the share is seeded now."""
        self.want()
        for seeds in (True, False, False):
            self.assertIs(
                self.result(self.alice.wants.done(BOB, "laptop", HASH, seeds=seeds)), True
            )
        self.assertEqual(
            self.bob.ended, [(ALICE, "here", HASH, True), (ALICE, "here", HASH, False)]
        )

    def test_strangers_get_the_answer_of_an_unknown_request(self) -> None:
        """So does a bare JID."""
        for sender in ("mallory@localhost/x", ALICE, f"{ALICE}/gone"):
            for name in ("want", "done", "introduce"):
                content = f"<{name} xmlns='{NS_BITWEEN_2}' hash='{HASH}'/>"
                self.assertEqual(self.ask(content, sender), "service-unavailable", sender)
        self.assertEqual(self.bob.wanted, [])

    def test_malformed_requests_are_refused(self) -> None:
        """Each is a bad request."""
        for name, attributes in (
            ("want", ""),
            ("want", "hash='x'"),
            ("done", ""),
            ("done", f"hash='{HASH}' seeds='perhaps'"),
            ("introduce", f"hash='{HASH}'"),
            ("introduce", f"hash='{HASH}' member='x'"),
            ("introduce", f"hash='{HASH}' member='7d2a9e4c'"),
        ):
            content = f"<{name} xmlns='{NS_BITWEEN_2}' {attributes}/>"
            self.assertEqual(self.ask(content, f"{ALICE}/here"), "bad-request", content)

    def test_a_contact_that_floods_is_refused(self) -> None:
        """Some wants a minute are served, on all devices of an account together."""
        content = f"<want xmlns='{NS_BITWEEN_2}' hash='{HASH}'/>"
        answers = [self.ask(content, f"{ALICE}/here") for _ in range(WANTS[0] + 3)]
        self.assertEqual(answers, ["result"] * WANTS[0] + ["policy-violation"] * 3)
        self.clock.advance(WANTS[1])
        self.assertEqual(self.ask(content, f"{ALICE}/here"), "result")

    def test_open_wants_are_bounded(self) -> None:
        """One that ends makes room; one that is repeated takes none."""

        def want(number: int) -> str:
            self.clock.advance(1)
            content = f"<want xmlns='{NS_BITWEEN_2}' hash='{number:040x}'/>"
            return self.ask(content, f"{ALICE}/here")

        self.assertEqual({want(number) for number in range(MAX_OPEN)}, {"result"})
        self.assertEqual(want(MAX_OPEN), "resource-constraint")
        self.assertEqual(want(3), "result")
        done = f"<done xmlns='{NS_BITWEEN_2}' hash='{3:040x}'/>"
        self.assertEqual(self.ask(done, f"{ALICE}/here"), "result")
        self.assertEqual(want(MAX_OPEN), "result")
        self.bob.wants.contact_left(ALICE, "here")
        self.assertEqual({want(number) for number in range(MAX_OPEN)}, {"result"})

    def test_nothing_is_answered_after_the_device_has_left(self) -> None:
        """What it waited for goes on without it."""
        ready: Deferred[None] = Deferred()
        self.bob.granting = lambda: ready
        self.alice.wants.want(BOB, "laptop", HASH).addErrback(lambda _: None)
        self.server.deliver()
        self.bob.wants.contact_left(ALICE, "here")
        ready.callback(None)
        self.assertEqual(self.bob.manager.stub.output, [])


class IntroducedTests(WantsCase):
    """What reaches the one that fetches."""

    def test_an_introduction_tells_where_another_member_is(self) -> None:
        """With everything that is known of its addresses, and how long that counts."""
        self.want()
        self.assertIs(self.introduce(), True)
        ((sender, offer, seconds),) = self.alice.introduced
        self.assertEqual((sender, offer), (BOB, OFFER))
        self.assertTrue(LIFE - 60 < seconds <= LIFE)

    def test_nobody_introduces_unasked(self) -> None:
        """Neither for a share that we do not want from this device, nor after we have stopped."""
        self.assertIs(self.introduce(), False)
        self.want(OTHER)
        self.assertIs(self.introduce(), False)
        self.want()
        self.result(self.alice.wants.done(BOB, "laptop", HASH, seeds=False))
        self.assertIs(self.introduce(), False)
        self.bob.granting = lambda: fail(UnknownTorrent("not here"))
        self.want()
        self.assertIs(self.introduce(), False)
        self.assertEqual(self.alice.introduced, [])

    def test_a_seed_is_introduced_too(self) -> None:
        """It gives what it has."""
        self.want()
        self.result(self.alice.wants.done(BOB, "laptop", HASH, seeds=True))
        self.assertIs(self.introduce(), True)

    def test_a_device_that_left_introduces_no_more(self) -> None:
        """When it comes back, it is asked again."""
        self.want()
        self.alice.wants.contact_left(BOB, "laptop")
        self.assertIs(self.introduce(), False)

    def test_introductions_for_a_share_are_bounded(self) -> None:
        """So a contact cannot have us dial for ever."""
        self.want()
        most = INTRODUCTIONS[0]
        offers = [self.bob.wants.introduce(ALICE, "here", OFFER) for _ in range(most + 1)]
        self.server.deliver()
        self.assertEqual([self.successResultOf(offer) for offer in offers[:most]], [True] * most)
        self.failureResultOf(offers[most], RequestRefused)

    def test_candidates_are_bounded(self) -> None:
        """Only the first ones are sent; malformed and repeated ones are left out."""
        many = tuple(Candidate(PeerAddress("192.0.2.1", 2000 + n)) for n in range(20))
        self.want()
        self.introduce(Introduction(HASH, "7d2a9e4c", many))
        self.assertEqual(self.alice.introduced[-1][1].candidates, many[:MAX_CANDIDATES])

    def test_what_the_server_changes_is_refused(self) -> None:
        """It cannot make us dial an address, nor for another share, nor for longer."""
        self.want()
        self.want(OTHER)
        for pattern, by in (
            ("address='198", "address='197"),
            ("port='6881", "port='6882"),
            (f"hash='{HASH}'", f"hash='{OTHER}'"),
            ("member='7d", "member='7e"),
            ("until='1", "until='2"),
            ("issued='1", "issued='2"),
            ("signature='..", "signature='AA"),
            (" signature='[^']*'", ""),
            ("</introduce>", "<candidate address='8.8.8.8' port='2000' kind='host'/></introduce>"),
        ):
            self.replace(pattern, by)
            self.assertIsInstance(self.introduce(), RequestRefused, pattern)
        self.assertEqual(self.alice.introduced, [])

    def test_a_replayed_introduction_is_refused(self) -> None:
        """It counts once."""
        self.want()
        self.introduce()
        (text,) = [text for text in self.server.seen if "<introduce" in text]
        self.server.inject(self.alice, text)
        self.assertEqual(len(self.alice.introduced), 1)

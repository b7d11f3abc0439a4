"""The first climb of a ladder: which routes it tries, in which order."""

from __future__ import annotations

from twisted.python.failure import Failure

from bitween.connect.ladder import (
    PUNCH_AFTER,
    RELAY_AFTER,
    REQUEST_AFTER,
    RETRY_FIRST,
    RETRY_LAST,
)
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import Route, RouteKind
from tests.support.ladder_case import FAR, NEAR, OURS, OUTSIDE, RELAYED, THEIRS, LadderCase

SYMMETRIC = (
    *OURS,
    Candidate(PeerAddress.parse("9.9.9.7", 6881), CandidateKind.REFLEXIVE, varies=True),
)
HOME = (Candidate(NEAR), Candidate(OUTSIDE, CandidateKind.REFLEXIVE))


class ClimbTests(LadderCase):
    """The first time up."""

    def test_a_peer_that_answers_at_once_is_dialled(self) -> None:
        """Who answers at once is met there; nobody else is bothered."""
        self.climb()
        self.assertTrue(self.ladder.searching)
        self.assertEqual(self.steps.probed, [(NEAR, FAR)])
        self.steps.probes[0].callback(FAR)
        self.assertEqual(self.found, [Route(RouteKind.MAPPED, FAR)])
        self.assertFalse(self.ladder.searching)
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (1, 0, 0))

    def test_nobody_answers_for_a_moment(self) -> None:
        """Then the other side is asked to come, too; the dialling goes on, and may still win."""
        self.climb()
        self.clock.advance(REQUEST_AFTER)
        self.assertEqual(self.steps.begun, (1, 1, 0))
        self.steps.probes[0].callback(NEAR)
        self.assertEqual(self.ladder.route, Route(RouteKind.LAN, NEAR))

    def test_refusals_end_the_wait_at_once(self) -> None:
        """Then nothing is waited for."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.assertEqual(self.steps.begun, (1, 1, 0))

    def test_a_peer_that_agrees_is_dialled_over_utp(self) -> None:
        """Who comes is dialled over uTP at all that is known now, and probed where that is new."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.steps.requests[0].callback([Candidate(OUTSIDE, CandidateKind.REFLEXIVE), THEIRS[0]])
        self.assertEqual(self.steps.punched, [])
        self.clock.advance(PUNCH_AFTER)
        self.assertEqual(
            self.steps.punched, [(*THEIRS, Candidate(OUTSIDE, CandidateKind.REFLEXIVE))]
        )
        self.assertEqual(len(self.steps.probes), 1)
        self.ladder.connected(RouteKind.PUNCHED, OUTSIDE)
        self.assertEqual(self.found, [Route(RouteKind.PUNCHED, OUTSIDE)])
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (1, 1, 0))

    def test_a_port_that_is_forwarded_later(self) -> None:
        """A device that is connected over uTP is probed again; without an answer, all stays."""
        self.climb()
        self.ladder.connected(RouteKind.PUNCHED, OUTSIDE)
        self.ladder.start(OURS, [*THEIRS, Candidate(OUTSIDE, CandidateKind.MAPPED)])
        self.steps.probes[1].callback(None)
        self.assertEqual(self.steps.begun, (2, 0, 0))
        self.assertIs(self.ladder.route.kind, RouteKind.PUNCHED)
        self.ladder.start(OURS, THEIRS)
        self.steps.probes[2].callback(FAR)
        self.assertEqual(self.ladder.route.address, FAR)
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (3, 0, 0))

    def test_they_come_by_themselves(self) -> None:
        """Who dials us is not dialled over uTP, which would end that again."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.steps.requests[0].callback(THEIRS)
        self.ladder.connected(RouteKind.IPV4, FAR, inbound_only=True)
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.punched, [])
        self.assertEqual(self.ladder.route, Route(RouteKind.IPV4, FAR, inbound_only=True))

    def test_a_new_address_in_the_answer(self) -> None:
        """An address that is meant for dialling is dialled."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.steps.requests[0].callback([Candidate(OUTSIDE)])
        self.assertEqual(self.steps.probed[1:], [(OUTSIDE,)])
        self.steps.probes[1].callback(OUTSIDE)
        self.assertEqual(self.ladder.route, Route(RouteKind.IPV4, OUTSIDE))

    def test_the_relay_s_turn(self) -> None:
        """After a while without anybody the relay is taken, with the reason why."""
        self.climb_to_the_relay()
        (way,) = self.found
        self.assertEqual((way.kind, way.through), (RouteKind.RELAY, RELAYED.through))
        self.assertIn("nothing answers at 2 addresses", way.reason)
        self.assertIn("--announce", way.fix)

    def test_nothing_direct_can_be(self) -> None:
        """Without a family in common the relay is taken at once."""
        self.climb([Candidate(PeerAddress.parse("2620:fe::9", 6881))])
        self.assertEqual(self.steps.begun, (0, 0, 1))
        self.steps.relays[0].callback(RELAYED)
        self.assertIn("IPv6 only", self.ladder.route.reason)

    def climb_without_hope(self) -> None:
        """Begin where our router shows everybody another port, and nobody can be dialled."""
        self.ladder.start(SYMMETRIC, HOME)

    def test_no_hole_can_be_punched(self) -> None:
        """The relay is taken at once, with the reason; what is direct is tried all the same."""
        self.climb_without_hope()
        self.assertEqual(self.steps.begun, (1, 0, 1))
        self.steps.relays[0].callback(RELAYED)
        self.assertEqual(
            (self.ladder.route.kind, self.ladder.route.address), (RouteKind.RELAY, RELAYED.address)
        )
        self.assertIn(
            "your router uses another port towards each contact", self.ladder.route.reason
        )
        self.assertIn("--announce", self.ladder.route.fix)
        self.clock.advance(REQUEST_AFTER)
        self.steps.requests[0].callback(HOME)
        self.clock.advance(PUNCH_AFTER)
        self.assertEqual(self.steps.punched, [HOME])
        self.steps.probes[0].callback(None)
        self.assertEqual(self.steps.begun, (1, 1, 1))

    def test_a_hole_is_punched_all_the_same(self) -> None:
        """A NAT that accepts any packet is passed, and the relay is left for that."""
        self.climb_without_hope()
        self.steps.relays[0].callback(RELAYED)
        self.ladder.connected(RouteKind.PUNCHED, OUTSIDE)
        self.assertEqual(self.ladder.route, Route(RouteKind.PUNCHED, OUTSIDE))
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (1, 0, 1))

    def test_somebody_answers_before_the_relay(self) -> None:
        """Who answers all the same is met there, and no relay is looked for any more."""
        self.climb_without_hope()
        self.steps.probes[0].callback(HOME[0].address)
        self.assertEqual(self.found, [Route(RouteKind.LAN, NEAR)])
        self.assertTrue(self.steps.relays[0].called, "cancelled")
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (1, 0, 1))

    def test_neither_a_hole_nor_a_relay(self) -> None:
        """That is told at once, and a hole still tried, and tried again later."""
        self.climb_without_hope()
        self.refuse(self.steps.relays[0], "neither server relays", "switch on a proxy")
        self.assertIn("(symmetric NAT); neither server relays", self.ladder.route.reason)
        self.assertTrue(self.ladder.searching)
        self.steps.probes[0].callback(None)
        self.refuse(self.steps.requests[0], "an old one")
        self.assertFalse(self.ladder.searching)
        self.assertEqual(self.steps.begun, (1, 1, 1))
        self.clock.advance(RETRY_FIRST)
        self.assertEqual(self.steps.begun, (2, 1, 2))

    def test_the_relay_does_not_wait_for_hole_punching(self) -> None:
        """Where nobody answers and nobody comes, the relay is not waited for."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.refuse(self.steps.requests[0], "their bitween is an old one")
        self.assertEqual(self.steps.begun, (1, 1, 1))
        self.steps.relays[0].callback(RELAYED)
        self.assertIn("an old one", self.ladder.route.reason)

    def test_no_meeting_while_there_is_hope(self) -> None:
        """While an address may still answer, the relay is waited for."""
        self.climb()
        self.clock.advance(REQUEST_AFTER)
        self.refuse(self.steps.requests[0])
        self.assertEqual(self.steps.begun, (1, 1, 0))
        self.steps.probes[0].callback(None)
        self.assertEqual(self.steps.begun, (1, 1, 1))

    def test_without_a_route_the_reasons_are_given(self) -> None:
        """The words tell why there is neither a direct way nor a relay, and what would help."""
        self.climb_to_the_meeting()
        self.clock.advance(RELAY_AFTER)
        self.refuse(self.steps.relays[0], "there is no proxy", "have one set up")
        (way,) = self.found
        self.assertIs(way.kind, None)
        self.assertIn("nothing answers", way.reason)
        self.assertIn("there is no proxy", way.reason)
        self.assertEqual(way.fix, "have one set up")
        self.assertFalse(self.ladder.searching)

    def test_they_dial_us(self) -> None:
        """A connection counts, no matter which side dialled."""
        self.climb()
        self.ladder.connected(RouteKind.IPV4, FAR)
        self.assertEqual(self.ladder.route, Route(RouteKind.IPV4, FAR))
        self.clock.advance(RETRY_LAST)
        self.assertEqual(self.steps.begun, (1, 0, 0))

    def test_an_unexpected_error_is_logged_and_passed_over(self) -> None:
        """An error that nobody thought of is logged, and the next rung is taken."""
        self.climb()
        self.steps.probes[0].errback(Failure(ZeroDivisionError()))
        self.steps.requests[0].errback(Failure(ZeroDivisionError()))
        self.steps.relays[0].errback(Failure(ZeroDivisionError()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
        self.assertIs(self.ladder.route.kind, None)
        self.assertTrue(self.ladder.route.reason)

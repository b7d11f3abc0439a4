"""What a ladder does once there is a route, or none."""

from __future__ import annotations

from bitween.connect.ladder import (
    RELAY_AFTER,
    REQUEST_AFTER,
    RETRY_FIRST,
    RETRY_LAST,
)
from bitween.model.candidate import Candidate
from bitween.model.route import UNTRIED, Route, RouteKind
from tests.support.ladder_case import FAR, NEAR, OUTSIDE, RELAYED, THEIRS, LadderCase


class LaterTests(LadderCase):
    """What happens once there is a way, or none."""

    def test_a_late_winner(self) -> None:
        """A direct way that comes after the relay takes over."""
        self.climb()
        self.clock.advance(REQUEST_AFTER)
        self.clock.advance(RELAY_AFTER)
        self.steps.relays[0].callback(RELAYED)
        self.steps.probes[0].callback(FAR)
        self.assertEqual([way.kind for way in self.found], [RouteKind.RELAY, RouteKind.MAPPED])

    def test_a_winner_before_the_relay_answers(self) -> None:
        """The relay is not asked any further."""
        self.climb_to_the_meeting()
        self.clock.advance(RELAY_AFTER)
        self.ladder.connected(RouteKind.PUNCHED, FAR)
        self.assertTrue(self.steps.relays[0].called)
        self.assertEqual([way.kind for way in self.found], [RouteKind.PUNCHED])

    def test_direct_ways_are_tried_again(self) -> None:
        """In the background, ever more seldom; one that is there now takes over."""
        self.climb_to_the_relay()
        for round_, wait in enumerate((RETRY_FIRST, 2 * RETRY_FIRST), start=1):
            self.clock.advance(wait - RELAY_AFTER if round_ > 1 else wait)
            self.assertEqual(self.steps.begun, (round_ + 1, round_, round_))
            self.steps.probes[round_].callback(None)
            self.steps.requests[round_].callback(THEIRS)
            self.assertIs(self.ladder.route.kind, RouteKind.RELAY)
            self.clock.advance(RELAY_AFTER)
            self.steps.relays[round_].callback(RELAYED)
            self.clock.advance(RELAY_AFTER)
        self.ladder.connected(RouteKind.PUNCHED, FAR)
        self.assertIs(self.ladder.route.kind, RouteKind.PUNCHED)

    def test_a_relay_that_is_gone(self) -> None:
        """If the relay is not there any more, that is found with the next round."""
        self.climb_to_the_relay()
        self.clock.advance(RETRY_FIRST)
        self.clock.advance(RELAY_AFTER)
        self.refuse(self.steps.relays[1], "the proxy is gone")
        self.assertIs(self.ladder.route.kind, None)

    def test_the_same_candidates_start_nothing_new(self) -> None:
        """Starting again with the same candidates begins no second search."""
        self.climb_to_the_relay()
        self.climb()
        self.assertEqual(self.steps.begun, (1, 1, 1))

    def test_a_way_is_used_again(self) -> None:
        """A direct way is not looked for again as long as its address stands."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.climb((*THEIRS, Candidate(OUTSIDE)))
        self.assertEqual(self.steps.begun, (1, 0, 0))
        self.climb([Candidate(OUTSIDE)])
        self.assertEqual(self.steps.probed[1:], [(OUTSIDE,)])

    def test_new_candidates_are_tried_at_once(self) -> None:
        """Other addresses are tried at once, and what was being tried before is given up."""
        self.climb()
        self.climb([Candidate(OUTSIDE)])
        self.assertTrue(self.steps.probes[0].called)
        self.assertEqual(self.steps.probed[1:], [(OUTSIDE,)])
        self.steps.probes[1].callback(OUTSIDE)
        self.assertEqual(self.found, [Route(RouteKind.IPV4, OUTSIDE)])

    def test_new_candidates_beside_a_relay(self) -> None:
        """They are tried while the relay goes on."""
        self.climb_to_the_relay()
        self.climb([Candidate(OUTSIDE)])
        self.assertIs(self.ladder.route.kind, RouteKind.RELAY)
        self.steps.probes[1].callback(OUTSIDE)
        self.assertIs(self.ladder.route.kind, RouteKind.IPV4)

    def test_a_better_way_comes_by_itself(self) -> None:
        """A better one is taken note of, a worse one is not."""
        self.climb()
        self.ladder.connected(RouteKind.PUNCHED, FAR)
        self.ladder.connected(RouteKind.LAN, NEAR)
        self.ladder.connected(RouteKind.IPV4, FAR)
        self.assertEqual(self.ladder.route, Route(RouteKind.LAN, NEAR))

    def test_who_answers_but_does_not_let_us_in(self) -> None:
        """The other side is asked to come; then the relay's turn comes, with that reason."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.ladder.dial_refused()
        self.assertEqual(self.steps.begun, (1, 1, 0))
        self.steps.requests[0].callback(THEIRS)
        self.assertEqual(self.steps.probed[1:], [(FAR,)])
        self.clock.advance(RELAY_AFTER)
        self.steps.relays[0].callback(RELAYED)
        self.assertIn("refuse the connection", self.ladder.route.reason)

    def test_who_does_not_let_us_in_after_the_meeting_either(self) -> None:
        """Now that they know where we are they get a second chance, and no third one."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.ladder.dial_refused()
        self.steps.requests[0].callback(THEIRS)
        self.steps.probes[1].callback(FAR)
        self.assertEqual(self.ladder.route.address, FAR)
        self.ladder.dial_refused()
        self.steps.requests[1].callback(THEIRS)
        self.assertEqual(len(self.steps.probes), 2)
        self.clock.advance(RELAY_AFTER)
        self.steps.relays[0].callback(RELAYED)
        self.assertIn("refuse the connection", self.ladder.route.reason)
        self.clock.advance(RETRY_FIRST)
        self.assertEqual(self.steps.probed[2:], [(NEAR,)])

    def test_a_refused_dial_concerns_direct_routes_only(self) -> None:
        """It is about direct ways only."""
        self.climb_to_the_relay()
        self.ladder.dial_refused()
        self.assertIs(self.ladder.route.kind, RouteKind.RELAY)

    def test_a_stopped_ladder_keeps_what_is_known(self) -> None:
        """Who rests keeps what is known, and goes on where asked to."""
        self.climb_to_the_relay()
        self.ladder.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIs(self.ladder.route.kind, RouteKind.RELAY)
        self.climb()
        self.assertEqual(len(self.steps.probes), 2)

    def test_they_go_offline(self) -> None:
        """At any moment: everything is given up, and nothing is known any more."""
        for begin in (self.climb, self.climb_to_the_meeting, self.climb_to_the_relay):
            self.setUp()
            begin()
            found = list(self.found)
            self.ladder.forget()
            self.assertEqual(self.ladder.route, UNTRIED)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.clock.advance(RETRY_LAST)
            self.assertEqual(self.found, found)
            self.assertTrue(all(step.called for step in self.steps.probes))
            self.assertTrue(all(step.called for step in self.steps.requests))

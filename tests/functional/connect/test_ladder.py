"""The ladder of connection, on a clock of the test's: every outcome of every rung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ladder import (
    PUNCH_AFTER,
    RELAY_AFTER,
    REQUEST_AFTER,
    RETRY_FIRST,
    RETRY_LAST,
    Ladder,
    SearchState,
)
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import UNTRIED, Route, RouteKind

OURS = (Candidate(PeerAddress.parse("10.0.0.1", 6881)),)
NEAR = PeerAddress.parse("10.0.0.2", 6881)
FAR = PeerAddress.parse("9.9.9.9", 6881)
OUTSIDE = PeerAddress.parse("9.9.9.8", 7000)
THEIRS = (Candidate(NEAR), Candidate(FAR, CandidateKind.MAPPED))
SYMMETRIC = (
    *OURS,
    Candidate(PeerAddress.parse("9.9.9.7", 6881), CandidateKind.REFLEXIVE, varies=True),
)
HOME = (Candidate(NEAR), Candidate(OUTSIDE, CandidateKind.REFLEXIVE))
RELAYED = Route(RouteKind.RELAY, PeerAddress.parse("127.1.0.1", 40000), "proxy.example.org")


class Steps:
    """Does what the test says, when it says so."""

    def __init__(self) -> None:
        self.probed: list[tuple[PeerAddress, ...]] = []
        self.probes: list[Deferred[PeerAddress | None]] = []
        self.requests: list[Deferred[Sequence[Candidate]]] = []
        self.punched: list[tuple[Candidate, ...]] = []
        self.searches = 0
        self.relays: list[Deferred[Route]] = []

    def search_began(self) -> None:
        """Count it."""
        self.searches += 1

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Begin to dial."""
        self.probed.append(tuple(addresses))
        self.probes.append(Deferred())
        return self.probes[-1]

    def request_connection(self) -> Deferred[Sequence[Candidate]]:
        """Begin to ask."""
        self.requests.append(Deferred())
        return self.requests[-1]

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """Remember it."""
        self.punched.append(tuple(candidates))

    def find_relay(self) -> Deferred[Route]:
        """Begin to look for one."""
        self.relays.append(Deferred())
        return self.relays[-1]

    @property
    def begun(self) -> tuple[int, int, int]:
        """How many probes, meetings and relays were begun."""
        return len(self.probes), len(self.requests), len(self.relays)


class LadderCase(SynchronousTestCase):
    """One resource."""

    def setUp(self) -> None:
        """Stand at the foot of the ladder."""
        self.clock, self.steps = Clock(), Steps()
        self.found: list[Route] = []
        self.ladder = Ladder(self.clock, self.steps, self.found.append)

    def tearDown(self) -> None:
        """Nothing is left behind by who rests."""
        self.ladder.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def climb(self, theirs: Sequence[Candidate] = THEIRS) -> None:
        """Begin."""
        self.ladder.start(OURS, theirs)

    def climb_to_the_meeting(self) -> None:
        """Have nobody answer, and the other side come."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.steps.requests[0].callback(THEIRS)

    def climb_to_the_relay(self) -> None:
        """Have nothing direct work."""
        self.climb_to_the_meeting()
        self.clock.advance(RELAY_AFTER)
        self.steps.relays[0].callback(RELAYED)

    def refuse(self, step: Deferred[Any], message: str = "no", hint: str = "") -> None:
        """Have a step fail as foreseen."""
        step.errback(RequestRefused(message, hint))


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


class StateTests(LadderCase):
    """The table of states in the module's head."""

    def test_probing_requesting_requested(self) -> None:
        """While nothing answers, the search goes from one state to the next."""
        self.assertIs(self.ladder.state, SearchState.IDLE)
        self.climb()
        self.assertIs(self.ladder.state, SearchState.PROBING)
        self.steps.probes[0].callback(None)
        self.assertIs(self.ladder.state, SearchState.REQUESTING)
        self.steps.requests[0].callback(THEIRS)
        self.assertIs(self.ladder.state, SearchState.REQUESTED)
        self.clock.advance(RELAY_AFTER)
        self.clock.advance(RETRY_FIRST)
        self.assertIs(self.ladder.state, SearchState.PROBING)

    def test_refused(self) -> None:
        """A device that refuses leaves what was probed before."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.refuse(self.steps.requests[0])
        self.assertIs(self.ladder.state, SearchState.REFUSED)

    def test_blocked(self) -> None:
        """Without a family in common, nothing direct is tried."""
        self.climb([Candidate(PeerAddress.parse("2620:fe::9", 6881))])
        self.assertIs(self.ladder.state, SearchState.BLOCKED)

    def test_connected_until_a_dial_is_refused(self) -> None:
        """Then the device is asked to dial us."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.assertIs(self.ladder.state, SearchState.CONNECTED)
        self.climb((*THEIRS, Candidate(OUTSIDE)))
        self.assertIs(self.ladder.state, SearchState.CONNECTED)
        searches = self.steps.searches
        self.ladder.dial_refused()
        self.assertIs(self.ladder.state, SearchState.REQUESTING)
        self.assertEqual(self.steps.searches, searches + 1)
        self.ladder.stop()
        self.assertIs(self.ladder.state, SearchState.IDLE)

    def test_the_relay_is_searched_for_once(self) -> None:
        """A refusal begins that search early; it does not begin again when its time comes."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.refuse(self.steps.requests[0])
        self.clock.advance(RELAY_AFTER)
        self.assertEqual(self.steps.begun, (1, 1, 1))

    def test_the_relay_waits_for_the_device_to_dial(self) -> None:
        """A device that has agreed to dial us may come, even if no address answers."""
        self.climb()
        self.clock.advance(REQUEST_AFTER)
        self.steps.requests[0].callback(THEIRS)
        self.steps.probes[0].callback(None)
        self.assertEqual(self.steps.begun, (1, 1, 0))

    def test_new_candidates_forget_who_refused(self) -> None:
        """An address that closed our connections is probed again, and is no reason any more."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.ladder.dial_refused()
        self.climb((*THEIRS, Candidate(OUTSIDE)))
        self.assertIn(FAR, self.steps.probed[-1])
        self.steps.probes[-1].callback(None)
        self.refuse(self.steps.requests[-1])
        self.refuse(self.steps.relays[-1])
        self.assertNotIn("refuse the connection", self.ladder.route.reason)

    def test_new_candidates_begin_with_short_pauses(self) -> None:
        """The pause between searches grows for the same candidates only."""
        self.climb_to_the_relay()
        self.clock.advance(RETRY_FIRST)
        self.steps.probes[-1].callback(None)
        self.refuse(self.steps.requests[-1])
        searches = len(self.steps.probes)
        self.clock.advance(2 * RETRY_FIRST - 1)
        self.assertEqual(len(self.steps.probes), searches)
        self.climb((*THEIRS, Candidate(OUTSIDE)))
        self.steps.probes[-1].callback(None)
        self.refuse(self.steps.requests[-1])
        searches = len(self.steps.probes)
        self.clock.advance(RETRY_FIRST)
        self.assertEqual(len(self.steps.probes), searches + 1)

    def test_a_refusal_of_an_earlier_search_is_no_reason(self) -> None:
        """The device agreed this time."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.refuse(self.steps.requests[0], "an old one")
        self.refuse(self.steps.relays[0])
        self.clock.advance(RETRY_FIRST)
        self.steps.probes[1].callback(None)
        self.steps.requests[1].callback(THEIRS)
        self.clock.advance(RELAY_AFTER)
        self.refuse(self.steps.relays[1])
        self.assertNotIn("an old one", self.ladder.route.reason)

    def test_a_device_that_dialled_us_has_refused_nothing(self) -> None:
        """Its connection ended; we have not dialled its address."""
        self.climb()
        self.ladder.connected(RouteKind.IPV4, FAR, inbound_only=True)
        self.ladder.dial_refused()
        self.steps.requests[-1].callback(THEIRS)
        self.assertEqual(len(self.steps.probes), 1)
        self.clock.advance(RELAY_AFTER)
        self.refuse(self.steps.relays[-1])
        self.assertNotIn("refuse the connection", self.ladder.route.reason)

    def test_a_punched_route_outlives_its_address(self) -> None:
        """The device is not asked again only because it announces other addresses."""
        self.climb()
        self.ladder.connected(RouteKind.PUNCHED, OUTSIDE)
        self.climb([Candidate(FAR)])
        self.steps.probes[-1].callback(None)
        self.clock.advance(REQUEST_AFTER)
        self.assertEqual(len(self.steps.requests), 0)

    def test_another_address_of_the_same_kind_changes_nothing(self) -> None:
        """The first one is as good."""
        self.climb()
        self.ladder.connected(RouteKind.IPV4, FAR)
        self.ladder.connected(RouteKind.IPV4, OUTSIDE)
        self.assertEqual(self.ladder.route.address, FAR)

    def test_a_search_beside_the_relay_needs_no_slot(self) -> None:
        """Others may search: the relay is a route."""
        self.climb_to_the_relay()
        self.assertFalse(self.ladder.searching)
        self.clock.advance(RETRY_FIRST)
        self.assertEqual(len(self.steps.probes), 2)
        self.assertFalse(self.ladder.searching)

    def test_new_candidates_forget_who_got_a_second_chance(self) -> None:
        """An address that closed our connections twice is no reason for another search."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.ladder.dial_refused()
        self.steps.requests[0].callback(THEIRS)
        self.climb((*THEIRS, Candidate(OUTSIDE)))
        self.steps.probes[-1].callback(None)
        self.refuse(self.steps.requests[-1])
        self.refuse(self.steps.relays[-1])
        self.assertNotIn("refuse the connection", self.ladder.route.reason)

    def test_the_relay_s_address_makes_no_direct_route(self) -> None:
        """Even if a contact announces it: the direct search begins."""
        self.climb_to_the_relay()
        assert RELAYED.address is not None
        self.climb((*THEIRS, Candidate(RELAYED.address)))
        self.assertIs(self.ladder.state, SearchState.PROBING)

    def test_new_addresses_wait_for_the_probe_that_runs(self) -> None:
        """One probe at a time: the first one may be about to succeed."""
        self.climb()
        self.clock.advance(REQUEST_AFTER)
        self.steps.requests[0].callback([Candidate(OUTSIDE)])
        self.assertEqual(self.steps.probed, [(NEAR, FAR)])

    def test_a_device_that_closes_connections_and_refuses(self) -> None:
        """That its address answers is the better reason."""
        self.climb()
        self.steps.probes[0].callback(FAR)
        self.ladder.dial_refused()
        self.refuse(self.steps.requests[0])
        self.refuse(self.steps.relays[0])
        self.assertIn("refuse the connection", self.ladder.route.reason)

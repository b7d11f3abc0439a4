"""The table of a ladder's states: each input in each state."""

from __future__ import annotations

from bitween.connect.ladder import (
    RELAY_AFTER,
    REQUEST_AFTER,
    RETRY_FIRST,
    SearchState,
)
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.route import RouteKind
from tests.support.ladder_case import FAR, NEAR, OUTSIDE, RELAYED, THEIRS, LadderCase


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

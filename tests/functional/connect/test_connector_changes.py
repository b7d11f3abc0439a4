"""How the connector follows changes of addresses, presence and torrents."""

from __future__ import annotations

from bitween.connect.connector import POLL
from bitween.connect.ladder import RETRY_FIRST
from bitween.connect.liveness import ASK_EVERY
from bitween.connect.slots import MAX_SEARCHES
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, Presence
from bitween.model.events import RouteFound
from bitween.model.peer import Peer
from bitween.model.route import UNTRIED, RouteKind
from tests.support.connector_case import (
    BOB,
    CAROL,
    FAR,
    FILM,
    HOME,
    NEAR,
    OTHER,
    SYMMETRIC,
    MeetingCase,
)


class FollowingTests(MeetingCase):
    """The connector follows what changes around it."""

    def test_our_addresses_change(self) -> None:
        """What was proved counts no longer, and devices are searched for with our new addresses."""
        self.there(BOB, FAR)
        self.want()
        self.fakes.neighbours.connected(BOB, "laptop", NEAR.address)
        self.fakes.neighbours.networks = frozenset()
        self.ours = SYMMETRIC
        self.meetings.own_candidates_changed()
        self.assertEqual(len(self.fakes.prober.raced), 2)
        self.assertFalse(self.fakes.neighbours.shared_networks(BOB, "laptop"))

    def test_our_addresses_change_while_nothing_is_needed(self) -> None:
        """No device is searched for then."""
        self.there(BOB, FAR)
        self.want()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.meetings.update_sources(FILM.info_hash)
        self.ours = SYMMETRIC
        self.meetings.own_candidates_changed()
        self.assertEqual(len(self.fakes.prober.raced), 1)

    def test_the_same_addresses_are_offered_once(self) -> None:
        """Dialling again may cut off a connection that was made just now."""
        self.there(BOB, NEAR)
        self.want()
        self.swarm.offered.clear()
        self.meetings.update_sources(FILM.info_hash)
        self.assertEqual(self.swarm.offered, {})

    def test_a_device_that_comes_back_is_dialled_at_once(self) -> None:
        """At the address that it had before, too."""
        self.there(BOB, NEAR)
        self.want()
        self.gone(BOB)
        self.swarm.offered.clear()
        self.there(BOB, NEAR)
        self.assertEqual(self.offered(), (NEAR,))

    def test_a_torrent_that_is_added_again_is_dialled_at_once(self) -> None:
        """What was offered for the earlier one is forgotten."""
        self.there(BOB, NEAR)
        self.want()
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.meetings.update_sources(FILM.info_hash)
        self.swarm.offered.clear()
        self.want()
        self.assertEqual(self.offered(), (NEAR,))

    def test_presence_of_a_device_that_is_online_changes_nothing(self) -> None:
        """Its route stays."""
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        self.meetings.apply(CatalogueChange(presences=(Presence(BOB, "laptop", online=True),)))
        self.assertIs(self.way(), RouteKind.IPV4)

    def test_an_offline_device_that_no_torrent_needs_changes_nothing(self) -> None:
        """Most devices of contacts are of that kind."""
        self.there(BOB, FAR, shares=())
        self.gone(BOB)
        self.assertEqual(self.meetings.routes.route(BOB, "laptop"), UNTRIED)

    def until_next_poll(self) -> float:
        """The seconds until the connected peers are looked at."""
        return min(call.getTime() for call in self.clock.getDelayedCalls()) - self.clock.seconds()

    def test_peers_are_looked_at_often_only_while_one_is_expected(self) -> None:
        """A connected device needs no hurry, and 1000 of them no load."""
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        self.assertEqual(self.until_next_poll(), POLL)
        self.connected(Peer(FAR.address, FAR.port))
        self.assertGreater(self.until_next_poll(), POLL)

    def unreachable(self, address: PeerAddress = FAR) -> None:
        """Have neither bob's address answer nor a relay be found."""
        self.there(BOB, address)
        self.want()
        self.race.callback(None)
        self.fakes.requests.refuse()
        self.fakes.relay.answer(None)
        self.pass_by(0.25)
        self.assertGreater(self.until_next_poll(), POLL)

    def test_a_route_that_is_found_late_is_watched_at_once(self) -> None:
        """The ladder tries again by itself, between two looks at the peers."""
        self.unreachable()
        self.clock.advance(RETRY_FIRST - 1)
        self.clock.advance(1)
        self.race.callback(FAR)
        self.swarm.connected[FILM.info_hash] = (Peer(FAR.address, FAR.port),)
        self.clock.advance(POLL)
        self.assertTrue(self.meetings.routes.answers(BOB, "laptop"))

    def test_a_search_after_a_proof_is_watched_at_once(self) -> None:
        """A device that dials us is seen before our own probes end."""
        self.unreachable(NEAR)
        self.fakes.neighbours.networks = frozenset()
        self.ours = (Candidate(PeerAddress.parse("10.0.0.5", 6881)),)
        self.meetings.own_candidates_changed()
        self.fakes.neighbours.prove(HOME)
        self.swarm.connected[FILM.info_hash] = (Peer(NEAR.address, None),)
        self.clock.advance(POLL)
        self.assertIs(self.way(), RouteKind.LAN)

    def test_routes_are_told(self) -> None:
        """As soon as one is found."""
        told: list[RouteFound] = []
        self.meetings.routes.changes.subscribe(told.append)
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        self.assertEqual([found.route.kind for found in told], [RouteKind.IPV4])

    def test_a_queued_device_that_goes_is_not_searched_for(self) -> None:
        """Its turn is the next one's."""
        self.want()
        for number in range(MAX_SEARCHES):
            self.there(f"friend{number}@example.org", FAR)
        self.there(BOB, OTHER)
        self.there(CAROL, FAR)
        self.gone(BOB)
        self.fakes.prober.raced[0][1].callback(FAR)
        raced = [addresses for addresses, _ in self.fakes.prober.raced[MAX_SEARCHES:]]
        self.assertEqual(raced, [(FAR,)])

    def test_closing_cancels_what_goes_on(self) -> None:
        """Probes, answers to requests, and the queue."""
        self.there(BOB, FAR)
        self.want()
        self.meetings.connection_requested(BOB, "laptop", FILM.info_hash, [Candidate(FAR)])
        self.meetings.close()
        self.assertTrue(self.fakes.prober.closed)
        self.assertTrue(self.fakes.prober.probed[-1][1].called)

    def test_a_device_that_answers_again_is_offered_again(self) -> None:
        """Libtorrent may have given its address up meanwhile."""
        self.there(BOB, NEAR)
        self.want()
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        self.swarm.offered.clear()
        self.pass_by(ASK_EVERY + 6)
        self.fakes.requests.pings[1][1].callback(True)
        self.assertEqual(self.offered(), (NEAR,))

    def test_whether_a_source_answers(self) -> None:
        """One that does is enough."""
        self.there(BOB, FAR)
        self.there(CAROL, FAR)
        self.want()
        self.pass_by(0.5)
        for (_, ping), answers in zip(self.fakes.requests.pings, (False, True), strict=True):
            ping.callback(answers)
        self.assertIs(self.meetings.routes.any_source_answers(FILM.info_hash), True)

    def test_the_kind_of_a_peer(self) -> None:
        """Over uTP it was met halfway; at an address alone, its family tells."""
        kinds = [
            self.meetings.routes.route_kind(peer)
            for peer in (Peer(FAR.address, 1, utp=True), Peer(FAR.address, None))
        ]
        self.assertEqual(kinds, [RouteKind.PUNCHED, RouteKind.IPV4])

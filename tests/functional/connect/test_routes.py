"""What the API and the diagnosis learn of routes."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bitween.connect.survey import SURVEY_PATIENCE
from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.route import RelayRoute, Route, RouteKind
from tests.support.connector_case import BOB, CAROL, FAR, FILM, HOME, NEAR, SONG, MeetingCase


class RouteTableTests(MeetingCase):
    """What the API and the diagnosis ask."""

    def test_the_best_route_to_a_share(self) -> None:
        """One device is near, another one is not."""
        self.there(BOB, FAR)
        self.there(CAROL, NEAR)
        self.want()
        for (_, race), address in zip(self.fakes.prober.raced, (FAR, NEAR), strict=True):
            race.callback(address)
        best = self.meetings.routes.best_route(FILM.info_hash)
        self.assertEqual(best, Route(RouteKind.LAN, NEAR))

    def test_a_device_counts_as_reachable_until_the_contrary_is_known(self) -> None:
        """So does one over the relay, though its route has reasons against a direct one."""
        self.there(BOB, FAR)
        self.assertEqual(self.meetings.routes.count_reachable(FILM.info_hash), 1)
        self.want()
        self.race.callback(None)
        self.fakes.requests.refuse()
        self.fakes.relay.answer(RelayRoute("proxy.example.org"))
        self.assertTrue(self.meetings.routes.route(BOB, "laptop").obstacles)
        self.assertEqual(self.meetings.routes.count_reachable(FILM.info_hash), 1)

    def test_whether_an_address_may_be_dialled(self) -> None:
        """The policy decides."""
        routes = self.meetings.routes
        self.assertTrue(routes.may_dial(BOB, "laptop", FAR))
        self.assertFalse(routes.may_dial(BOB, "laptop", PeerAddress(FAR.address, 80)))

    def test_peers_of_the_relay(self) -> None:
        """They are relayed even while our own route to the device is a direct one."""
        self.there(BOB, FAR, shares=(SONG,))
        self.want(SONG)
        routes = self.meetings.routes
        relayed = Peer(self.fakes.relay.local_address(BOB, "laptop").address, None)
        self.assertIsNone(routes.contact_behind_relay(FAR.address))
        self.race.callback(FAR)
        self.assertIs(routes.route_kind(relayed), RouteKind.RELAY)
        self.meetings.own_candidates_changed()
        self.gone(BOB)
        self.there(BOB, FAR, shares=(SONG,))
        self.race.callback(None)
        self.fakes.requests.refuse()
        self.fakes.relay.answer(RelayRoute(most=SONG.size))
        relayed = Peer(self.fakes.relay.local_address(BOB, "laptop").address, None)
        self.assertIs(routes.route_kind(relayed), RouteKind.IN_BAND)


class SurveyTests(MeetingCase):
    """How a device would be reached."""

    def survey(self) -> Deferred[list[tuple[str, Route]]]:
        """Find out."""
        return Deferred.fromCoroutine(self.meetings.routes.find_all())

    def test_a_near_device_is_asked_for_proof(self) -> None:
        """Its address in our network is probed then."""
        self.fakes.neighbours.networks = frozenset()
        self.there(BOB, NEAR)
        survey = self.survey()
        self.assertEqual(self.fakes.prober.raced, [])
        self.fakes.neighbours.prove(HOME)
        self.assertEqual(self.fakes.prober.raced[0][0], (NEAR,))
        self.race.callback(NEAR)
        ((_, route),) = self.successResultOf(survey)
        self.assertIs(route.kind, RouteKind.LAN)

    def test_others_are_not(self) -> None:
        """They could prove nothing."""
        self.there(BOB, FAR)
        self.survey()
        self.assertEqual(self.fakes.neighbours.proofs, [])
        self.race.callback(FAR)

    def test_a_relay_within_the_stream(self) -> None:
        """The diagnosis tells it from a proxy: it is slow."""
        self.there(BOB, FAR)
        survey = self.survey()
        self.race.callback(None)
        self.fakes.relay.answer(RelayRoute(most=1_000_000))
        ((_, route),) = self.successResultOf(survey)
        self.assertIs(route.kind, RouteKind.IN_BAND)

    def test_servers_that_do_not_answer(self) -> None:
        """Whether there is a relay stays open."""
        self.there(BOB, FAR)
        survey = self.survey()
        self.race.callback(None)
        self.clock.advance(SURVEY_PATIENCE)
        ((_, route),) = self.successResultOf(survey)
        self.assertEqual(route.obstacles[-1].id, "obstacle.relay_unknown")

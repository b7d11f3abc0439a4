"""Whether devices answer whose presence says that they are online."""

from __future__ import annotations

from bitween.connect.liveness import ASK_EVERY
from bitween.errors import NotConnected
from bitween.model.events import RouteFound
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from tests.support.connector_case import BOB, CAROL, FAR, FILM, SONG, MeetingCase


class AnsweringTests(MeetingCase):
    """Whether those answer whose presence says that they are there."""

    def setUp(self) -> None:
        """Want something of bob, who is said to be there."""
        super().setUp()
        self.there(BOB, FAR, shares=(FILM, SONG))
        self.want()

    def answers(self) -> bool | None:
        """Whether bob answers."""
        return self.meetings.routes.answers(BOB, "laptop")

    def test_who_does_not_answer_is_no_source(self) -> None:
        """That is said with its reason, and told, as soon as it is known."""
        told: list[RouteFound] = []
        self.meetings.routes.changes.subscribe(told.append)
        self.pass_by(0.5)
        self.assertIsNone(self.answers())
        ((key, answer),) = self.fakes.requests.pings
        self.assertEqual(key, (BOB, "laptop"))
        answer.callback(False)
        way = self.meetings.routes.route(BOB, "laptop")
        self.assertEqual((self.answers(), way.kind), (False, None))
        self.assertEqual([obstacle.id for obstacle in way.obstacles], ["obstacle.not_answering"])
        self.assertEqual(self.meetings.routes.count_reachable(FILM.info_hash), 0)
        self.assertEqual(told[-1].route, way)

    def test_what_is_said_of_a_share(self) -> None:
        """Nobody who has it answers only if that is known of each of them."""
        self.assertIsNone(self.meetings.routes.any_source_answers(FILM.info_hash))
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        self.assertIs(self.meetings.routes.any_source_answers(FILM.info_hash), False)
        self.there(CAROL, FAR)
        self.assertIsNone(self.meetings.routes.any_source_answers(FILM.info_hash))
        self.gone(BOB)
        self.gone(CAROL)
        self.assertIsNone(self.meetings.routes.any_source_answers(FILM.info_hash))

    def test_it_is_asked_again(self) -> None:
        """Every half minute as long as it is wanted, until it answers or is connected."""
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        self.pass_by(ASK_EVERY + 6)
        self.assertEqual(len(self.fakes.requests.pings), 2)
        self.fakes.requests.pings[1][1].callback(True)
        self.assertTrue(self.answers())
        self.pass_by(ASK_EVERY + 6)
        self.fakes.requests.pings[2][1].callback(False)
        self.connected(Peer(FAR.address, None))
        self.pass_by(6)
        self.assertTrue(self.answers())

    def test_who_shows_itself_is_back_at_once(self) -> None:
        """It is searched for and pinged at once, but not each time that it sends presence."""
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        raced = len(self.fakes.prober.raced)
        self.meetings.presence_received(BOB, "laptop")
        self.assertTrue(self.answers())
        self.assertGreater(len(self.fakes.prober.raced), raced)
        self.pass_by(6)
        self.fakes.requests.pings[1][1].callback(False)
        for _ in range(9):
            self.meetings.presence_received(BOB, "laptop")
        self.assertFalse(self.answers())
        self.pass_by(ASK_EVERY)
        self.meetings.connection_requested(BOB, "laptop", FILM.info_hash, [])
        self.assertTrue(self.answers())

    def test_a_connected_device_that_answers_again_keeps_its_route(self) -> None:
        """It is where it was: the ping was lost."""
        self.race.callback(FAR)
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        raced = len(self.fakes.prober.raced)
        self.connected(Peer(FAR.address, FAR.port))
        self.assertTrue(self.answers())
        self.assertEqual((self.way(), len(self.fakes.prober.raced)), (RouteKind.IPV4, raced))

    def test_a_device_that_another_torrent_needs_stays_silent(self) -> None:
        """It is pinged for that torrent as before."""
        self.want(SONG)
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.meetings.update_sources(FILM.info_hash)
        self.assertIs(self.answers(), False)

    def test_releasing_a_device_that_answers_is_no_event(self) -> None:
        """Nothing that is known of it changes."""
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(True)
        told: list[RouteFound] = []
        self.meetings.routes.changes.subscribe(told.append)
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.meetings.update_sources(FILM.info_hash)
        self.assertEqual(told, [])

    def test_a_device_of_a_paused_torrent_is_not_pinged(self) -> None:
        """Nothing waits for its answer."""
        options = self.swarm.library.get(FILM.info_hash).options
        self.successResultOf(
            self.swarm.set_options(FILM.info_hash, type(options)(paused=True)),
        )
        self.pass_by(1)
        self.assertEqual(self.fakes.requests.pings, [])

    def test_an_answer_for_the_run_before(self) -> None:
        """What a server says of the one that died does not count for the one that is back."""
        self.pass_by(0.5)
        self.meetings.presence_received(BOB, "laptop")
        self.fakes.requests.pings[0][1].callback(False)
        self.assertIsNone(self.answers())

    def test_who_is_connected_or_not_wanted_is_not_asked(self) -> None:
        """It is there; and what nobody waits for is no reason to ask."""
        self.connected(Peer(FAR.address, None))
        self.pass_by(60)
        self.assertEqual(self.fakes.requests.pings, [])

    def test_who_is_not_wanted_any_more_is_not_called_silent(self) -> None:
        """A device that is not pinged again may answer meanwhile, so it is not called silent."""
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        told: list[RouteFound] = []
        self.meetings.routes.changes.subscribe(told.append)
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.meetings.update_sources(FILM.info_hash)
        self.assertIsNone(self.answers())
        self.assertEqual([found.route.obstacles for found in told], [()])

    def test_who_comes_anew_is_not_judged_by_before(self) -> None:
        """An answer that is too late says nothing, nor does one that was not to be had."""
        self.pass_by(0.5)
        self.gone(BOB)
        self.there(BOB, FAR)
        self.fakes.requests.pings[0][1].callback(False)
        self.assertIsNone(self.answers())
        self.pass_by(0.5)
        self.fakes.requests.pings[1][1].errback(NotConnected("no session"))
        self.assertIsNone(self.answers())

"""How a route to a device with a wanted torrent is found."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bitween.connect.device import CONNECTING, LOST
from bitween.connect.ladder import PUNCH_AFTER, REQUEST_AFTER
from bitween.connect.slots import MAX_SEARCHES, MAX_SEARCHES_OF_ACCOUNT
from bitween.connect.survey import SURVEY_PATIENCE
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.route import UNTRIED, RelayRoute, RouteKind
from tests.support.connector_case import (
    BOB,
    CAROL,
    FAR,
    FILM,
    NEAR,
    OTHER,
    OURS,
    SEEN,
    SONG,
    SYMMETRIC,
    MeetingCase,
)


class WantingTests(MeetingCase):
    """We want something."""

    def test_the_most_promising_one_first(self) -> None:
        """While the ladder is climbed one address is dialled; then the one that was found."""
        self.there(BOB, FAR, NEAR)
        self.assertEqual(self.fakes.prober.raced, [])
        self.want()
        self.assertEqual(self.offered(), (NEAR,))
        self.assertEqual(self.fakes.prober.raced[0][0], (NEAR, FAR))
        self.race.callback(FAR)
        self.assertEqual((self.offered(), self.way()), ((FAR,), RouteKind.IPV4))

    def test_a_known_way_is_used_at_once(self) -> None:
        """For the next torrent nobody is raced."""
        self.there(BOB, FAR, NEAR, shares=(FILM, SONG))
        self.want()
        self.race.callback(FAR)
        self.want(SONG)
        self.assertEqual((self.offered(SONG), len(self.fakes.prober.raced)), ((FAR,), 1))

    def test_somebody_comes_later(self) -> None:
        """Who comes online with it is met; with several, the best way is dialled first."""
        self.want()
        self.assertEqual(self.offered(), ())
        self.there(BOB, FAR)
        self.race.callback(FAR)
        self.there(CAROL, NEAR)
        self.race.callback(NEAR)
        self.assertEqual(self.offered(), (NEAR, FAR))
        self.assertEqual(self.meetings.routes.count_reachable(FILM.info_hash), 2)

    def test_routes_to_an_offline_contact_are_forgotten(self) -> None:
        """Nothing is known of the way to who is away."""
        self.there(BOB, FAR)
        self.want()
        self.gone(BOB)
        self.assertEqual(self.meetings.routes.route(BOB, "laptop"), UNTRIED)
        self.assertIsNone(self.meetings.routes.best_route(FILM.info_hash))
        self.there(BOB, FAR)
        self.assertEqual(len(self.fakes.prober.raced), 2)

    def test_meeting_half_way(self) -> None:
        """Who does not answer is asked to come, let in, and dialled over uTP."""
        self.there(BOB, NEAR, SEEN)
        self.want()
        self.pass_by(REQUEST_AFTER)
        key, info_hash, ours, answer = self.fakes.requests.connections[0]
        self.assertEqual((key, info_hash, ours), ((BOB, "laptop"), FILM.info_hash, OURS))
        answer.callback((SEEN,))
        self.assertEqual(self.allowlist.allowed[BOB, "laptop"], [SEEN.address])
        self.pass_by(PUNCH_AFTER + 0.25)
        self.assertEqual(self.swarm.dialled_at_once, [(FILM.info_hash, (), (NEAR, SEEN.address))])

    def test_a_hole_is_punched(self) -> None:
        """Who is connected over uTP is met so; what else is wanted goes the same way."""
        self.there(BOB, NEAR, SEEN, shares=(FILM, SONG))
        self.want()
        self.connected(Peer(SEEN.address.address, SEEN.address.port, utp=True))
        self.assertIs(self.way(), RouteKind.PUNCHED)
        self.want(SONG)
        self.assertEqual(self.swarm.dialled_at_once[-1], (SONG.info_hash, (), (SEEN.address,)))
        self.assertEqual(self.offered(SONG), ())

    def test_they_dial_us(self) -> None:
        """A peer at one of a device's addresses is the device, no matter which side dialled."""
        self.there(BOB, FAR)
        self.want()
        self.connected(Peer(FAR.address, None))
        self.assertIs(self.way(), RouteKind.IPV4)

    def test_they_have_to_dial_us(self) -> None:
        """Who came by itself is asked to come for what else is wanted, once each."""
        self.there(BOB, FAR, shares=(FILM, SONG))
        self.want()
        self.connected(Peer(FAR.address, None))
        self.want(SONG)
        self.want(SONG)
        self.assertEqual(
            [hash_ for _, hash_, _, _ in self.fakes.requests.connections], [SONG.info_hash]
        )
        self.assertEqual(self.offered(SONG), ())
        self.fakes.requests.connections[0][3].callback((SEEN,))
        self.assertEqual(self.allowlist.allowed[BOB, "laptop"], [SEEN.address])

    def test_two_behind_one_address(self) -> None:
        """Nobody can tell which of them dials us."""
        self.there(BOB, FAR)
        self.there(CAROL, PeerAddress(FAR.address, 7000))
        self.want()
        self.connected(Peer(FAR.address, None))
        self.assertEqual([self.way(BOB), self.way(CAROL)], [None, None])
        self.connected(Peer(FAR.address, 7000))
        self.assertEqual([self.way(BOB), self.way(CAROL)], [None, RouteKind.IPV4])

    def test_so_quick_that_nobody_looked(self) -> None:
        """A download that is done at once tells all the same how it came."""
        self.there(BOB, FAR)
        self.want()
        self.swarm.connected[FILM.info_hash] = (Peer(FAR.address, None),)
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.meetings.update_sources(FILM.info_hash)
        self.assertIs(self.way(), RouteKind.IPV4)

    def test_nothing_is_tried_once_nothing_is_needed(self) -> None:
        """Once nothing is wanted any more, nothing is tried any more."""
        self.there(BOB, FAR)
        self.want()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.meetings.update_sources(FILM.info_hash)
        self.pass_by(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.race.called)

    def test_not_let_in(self) -> None:
        """Who answers but does not let the swarm connect is asked to come."""
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        self.pass_by(CONNECTING + 0.5)
        self.assertEqual(len(self.fakes.requests.connections), 1)

    def test_a_paused_torrent(self) -> None:
        """Nobody is expected to be connected for what stands still."""
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        options = self.swarm.library.get(FILM.info_hash).options
        self.successResultOf(
            self.swarm.set_options(FILM.info_hash, type(options)(paused=True)),
        )
        self.pass_by(CONNECTING + LOST)
        self.assertEqual((self.fakes.requests.connections, self.way()), ([], RouteKind.IPV4))

    def test_a_lost_connection_starts_a_new_search(self) -> None:
        """When a connection is gone for some time, the search for a route begins again."""
        self.there(BOB, FAR)
        self.want()
        self.race.callback(FAR)
        self.connected(Peer(FAR.address, FAR.port))
        self.swarm.connected[FILM.info_hash] = ()
        self.pass_by(2 * LOST)
        self.assertEqual(len(self.fakes.prober.raced), 2)

    def test_few_routes_are_searched_at_a_time(self) -> None:
        """A way is looked for to few at a time; the others have their turn after them."""
        self.want()
        for number in range(MAX_SEARCHES + 1):
            self.there(f"friend{number}@example.org", FAR)
        self.assertEqual(len(self.fakes.prober.raced), MAX_SEARCHES)
        self.fakes.prober.raced[0][1].callback(FAR)
        self.assertEqual(len(self.fakes.prober.raced), MAX_SEARCHES + 1)

    def test_one_account_does_not_hold_up_the_others(self) -> None:
        """Few of its devices are looked for at a time, however many do not answer."""
        self.want()
        for number in range(MAX_SEARCHES):
            self.there("mallory@example.org", OTHER, resource=str(number))
        self.assertEqual(len(self.fakes.prober.raced), MAX_SEARCHES_OF_ACCOUNT)
        self.there(BOB, FAR)
        self.assertEqual(self.fakes.prober.raced[-1][0], (FAR,))
        self.fakes.prober.raced[-1][1].callback(FAR)
        self.assertEqual(len(self.fakes.prober.raced), MAX_SEARCHES_OF_ACCOUNT + 1)
        self.fakes.prober.raced[0][1].callback(OTHER)
        self.assertEqual(self.fakes.prober.raced[-1][0], (OTHER,))

    def test_our_own_addresses(self) -> None:
        """Nobody makes us dial ourselves, our loopback, or what is on our link alone."""
        near = [PeerAddress.parse(ip, 8080) for ip in ("127.0.0.1", "169.254.169.254", "fe80::1")]
        self.there(BOB, OURS[0].address, *near, FAR)
        self.want()
        self.assertEqual(self.fakes.prober.raced[0][0], (FAR,))


class LookingRoundTests(MeetingCase):
    """The diagnosis asks how each device is reached."""

    def test_a_symmetric_router(self) -> None:
        """That no hole can be punched is told before anybody tries."""
        self.ours = SYMMETRIC
        self.there(BOB, NEAR, SEEN)
        looking = Deferred.fromCoroutine(self.meetings.routes.find_all())
        self.race.callback(None)
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        ((_, way),) = self.successResultOf(looking)
        self.assertIn("symmetric NAT", way.reason)
        self.assertIs(way.kind, RouteKind.RELAY)

    def test_a_survey_skips_connected_contacts(self) -> None:
        """Who is met already is not dialled again; of the others, who answers is seen."""
        self.there(BOB, NEAR)
        self.want()
        self.race.callback(NEAR)
        self.there(CAROL, FAR, shares=())
        self.there("dave@example.org", FAR, shares=())
        self.there("eve@example.org", PeerAddress.parse("2620:fe::9", 6881), shares=())
        looking = Deferred.fromCoroutine(self.meetings.routes.find_all())
        self.fakes.prober.raced[1][1].callback(FAR)
        self.pass_by(SURVEY_PATIENCE - 1)
        (eve_asked, no_relay) = self.fakes.relay.routes[0]
        self.assertEqual(eve_asked[0], "eve@example.org")
        no_relay.errback(RequestRefused("neither server relays", "switch proxy65 on"))
        self.pass_by(1)
        self.fakes.relay.routes[1][1].callback(RelayRoute("proxy.example.org"))
        self.pass_by(SURVEY_PATIENCE)
        bob, carol, dave, eve = self.successResultOf(looking)
        self.assertEqual((bob[0], bob[1].kind), ("bob@example.org/laptop", RouteKind.LAN))
        self.assertIs(carol[1].kind, RouteKind.IPV4)
        self.assertEqual((dave[1].kind, dave[1].through), (RouteKind.RELAY, "proxy.example.org"))
        self.assertIn("nothing answers", dave[1].reason)
        self.assertIsNone(eve[1].kind)
        self.assertIn("IPv6 only and you IPv4 only; neither server relays", eve[1].reason)
        self.assertEqual(eve[1].fix, "switch proxy65 on")
        self.assertEqual(len(self.fakes.prober.raced), 3)

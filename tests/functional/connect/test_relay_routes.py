"""Relays, where nothing direct works."""

from __future__ import annotations

from bitween.connect.ladder import PUNCH_AFTER, RELAY_AFTER
from bitween.connect.liveness import ASK_EVERY
from bitween.errors import RequestRefused
from bitween.model.announcement import Share
from bitween.model.peer import Peer
from bitween.model.route import RelayRoute, RouteKind
from tests.support.connector_case import (
    BOB,
    CAROL,
    FAR,
    FILM,
    NEAR,
    SEEN,
    SONG,
    SYMMETRIC,
    MeetingCase,
)


class RelayTests(MeetingCase):
    """Nothing direct works."""

    def fail_directly(self, *shares: Share) -> None:
        """Have bob not be there for us."""
        self.there(BOB, NEAR, shares=shares or (FILM,))
        for share in shares or (FILM,):
            self.want(share)
        self.race.callback(None)
        self.fakes.requests.connections[0][3].errback(RequestRefused("no"))

    def test_the_relays_local_address_is_dialled(self) -> None:
        """The local address that stands for the resource is dialled."""
        self.fail_directly()
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        way = self.meetings.routes.route(BOB, "laptop")
        assert way.address is not None
        self.assertEqual((way.kind, self.offered()), (RouteKind.RELAY, (way.address,)))
        self.assertEqual(self.meetings.routes.contact_behind_relay(way.address.address), BOB)
        peer = Peer(way.address.address, way.address.port)
        self.assertIs(self.meetings.routes.route_kind(peer), RouteKind.RELAY)
        self.assertIs(self.meetings.routes.route_kind(Peer(NEAR.address, NEAR.port)), RouteKind.LAN)

    def test_nobody_at_the_other_end(self) -> None:
        """A silent device is not dialled by relay, and searched for again when it answers."""
        self.fail_directly()
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        self.pass_by(0.5)
        self.fakes.requests.pings[0][1].callback(False)
        self.assertEqual(self.offered(), ())
        self.pass_by(ASK_EVERY + 6)
        races = len(self.fakes.prober.raced)
        self.fakes.requests.pings[1][1].callback(True)
        self.assertEqual(len(self.fakes.prober.raced), races + 1)
        self.race.callback(NEAR)
        self.assertEqual((self.way(), self.offered()), (RouteKind.LAN, (NEAR,)))

    def test_a_direct_way_takes_over(self) -> None:
        """The relay is left when the swarm is connected directly, not before."""
        self.fail_directly()
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        self.there(BOB, FAR)
        self.race.callback(FAR)
        self.assertEqual((self.offered(), self.fakes.relay.disconnected), ((FAR,), []))
        self.connected(Peer(FAR.address, FAR.port))
        self.assertEqual(self.fakes.relay.disconnected, [(BOB, "laptop")])

    def test_behind_a_symmetric_router_the_relay_comes_first(self) -> None:
        """Behind a symmetric router the relay comes first, until a hole turns up all the same."""
        self.ours = SYMMETRIC
        self.there(BOB, NEAR, SEEN)
        self.want()
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        self.assertIs(self.way(), RouteKind.RELAY)
        self.race.callback(None)
        self.fakes.requests.connections[0][3].callback((SEEN,))
        self.pass_by(PUNCH_AFTER + 0.25)
        self.assertEqual(self.swarm.dialled_at_once[-1], (FILM.info_hash, (), (NEAR, SEEN.address)))
        self.assertEqual(self.fakes.relay.disconnected, [])
        self.connected(Peer(SEEN.address.address, SEEN.address.port, utp=True))
        self.assertIs(self.way(), RouteKind.PUNCHED)
        self.assertEqual(self.fakes.relay.disconnected, [(BOB, "laptop")])

    def test_only_small_torrents_go_in_band(self) -> None:
        """Only what is small goes within the XMPP stream."""
        self.fail_directly(FILM, SONG)
        self.fakes.relay.routes[0][1].callback(RelayRoute(most=1_000_000))
        self.assertIs(self.way(), RouteKind.IN_BAND)
        self.assertEqual((len(self.offered(SONG)), len(self.offered(FILM))), (1, 0))

    def test_too_large_to_go_in_band(self) -> None:
        """The reason tells how much would."""
        self.fail_directly()
        self.fakes.relay.routes[0][1].callback(RelayRoute(most=1_000_000))
        way = self.meetings.routes.route(BOB, "laptop")
        self.assertIs(way.kind, None)
        self.assertIn("1,000,000 bytes", way.reason)
        self.assertIn("proxy65", way.fix)
        self.assertEqual(
            (self.offered(), self.meetings.routes.count_reachable(FILM.info_hash)), ((), 0)
        )

    def test_the_relay_to_an_offline_device_is_closed(self) -> None:
        """The relay to who is gone is given up."""
        self.fail_directly()
        self.fakes.relay.routes[0][1].callback(RelayRoute("proxy.example.org"))
        self.gone(BOB)
        self.assertEqual(self.fakes.relay.disconnected, [(BOB, "laptop")])

    def test_it_takes_its_time(self) -> None:
        """Without an answer from anybody, the relay's turn comes after some seconds."""
        self.there(BOB, NEAR)
        self.want()
        self.pass_by(RELAY_AFTER)
        self.assertEqual(self.fakes.relay.routes[0][0], (BOB, "laptop"))


class SightingTests(MeetingCase):
    """Peers at local addresses of the relay."""

    def test_a_relayed_peer_is_its_device_only(self) -> None:
        """Though another one announces the same address, or the device has not the torrent."""
        self.there(BOB, NEAR)
        self.there(CAROL, FAR, shares=(SONG,))
        self.want()
        self.want(SONG)
        for _, race in self.fakes.prober.raced:
            race.callback(FAR)
        place = self.fakes.relay.local_address(CAROL, "laptop")
        self.swarm.connected[FILM.info_hash] = (Peer(place.address, None),)
        self.swarm.connected[SONG.info_hash] = (Peer(place.address, None),)
        self.pass_by(0.5)
        self.assertTrue(self.meetings.routes.answers(CAROL, "laptop"))
        self.assertIsNone(self.meetings.routes.answers(BOB, "laptop"))
        self.assertIs(self.meetings.routes.route(CAROL, "laptop").kind, RouteKind.IPV4)

    def test_a_relayed_peer_of_a_device_without_the_torrent_is_none_of_it(self) -> None:
        """A relayed device may connect for any torrent; that tells nothing of a route."""
        self.there(BOB, NEAR)
        self.there(CAROL, FAR, shares=(SONG,))
        self.want()
        self.want(SONG)
        for _, race in self.fakes.prober.raced:
            race.callback(FAR)
        place = self.fakes.relay.local_address(CAROL, "laptop")
        self.swarm.connected[FILM.info_hash] = (Peer(place.address, None),)
        self.pass_by(0.5)
        self.assertIsNone(self.meetings.routes.answers(CAROL, "laptop"))

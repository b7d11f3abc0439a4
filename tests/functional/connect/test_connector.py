"""Meeting those who have what is wanted: on fakes, and a clock of the test's."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.connector import IDLE_POLL, POLL, PeerConnector
from bitween.connect.context import ConnectContext
from bitween.connect.device import CONNECTING, LOST
from bitween.connect.dial_policy import MAX_PORTS, DialPolicy
from bitween.connect.ladder import PUNCH_AFTER, RELAY_AFTER, REQUEST_AFTER, RETRY_FIRST
from bitween.connect.liveness import ASK_EVERY
from bitween.connect.responder import PUNCH_AFTER_PROBE
from bitween.connect.slots import MAX_SEARCHES, MAX_SEARCHES_OF_ACCOUNT
from bitween.connect.survey import SURVEY_PATIENCE
from bitween.errors import NotConnected, RequestRefused, UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Presence
from bitween.model.events import RouteFound
from bitween.model.network_link import Link
from bitween.model.peer import Peer
from bitween.model.route import UNTRIED, RelayRoute, Route, RouteKind
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import FakeAllowlist, FakeConnectorPorts
from tests.support.fakes.swarm import FakeSwarm

BOB, CAROL = "bob@example.org", "carol@example.org"
FILM = Share(InfoHash("ab" * 20), "film.mkv", 5_000_000)
SONG = Share(InfoHash("cd" * 20), "song.ogg", 5_000)
OURS = (Candidate(PeerAddress.parse("10.0.0.1", 6881)),)
SYMMETRIC = (
    *OURS,
    Candidate(PeerAddress.parse("9.9.9.7", 6881), CandidateKind.REFLEXIVE, varies=True),
)
NEAR, FAR = PeerAddress.parse("10.0.0.2", 6881), PeerAddress.parse("9.9.9.9", 6881)
OTHER = PeerAddress.parse("8.8.4.4", 6881)
#: The network that a neighbour shares with us.
HOME = frozenset({ip_network("10.0.0.0/24")})
SEEN = Candidate(PeerAddress.parse("9.9.9.8", 7000), CandidateKind.REFLEXIVE)


class MeetingCase(SynchronousTestCase):
    """What alice's daemon does to meet bob."""

    def setUp(self) -> None:
        """Meet nobody yet."""
        self.clock, self.swarm = Clock(), FakeSwarm()
        self.policy = DialPolicy(self.clock, self, lambda _: False)
        self.fakes = FakeConnectorPorts(policy=self.policy)
        self.catalogue = Catalogue(self.clock.seconds)
        self.allowlist = FakeAllowlist(self.catalogue)
        self.ours: tuple[Candidate, ...] = OURS
        self.meetings = PeerConnector(
            ConnectContext(
                clock=self.clock,
                swarm=self.swarm,
                catalogue=self.catalogue,
                ports=self.fakes.ports,
                allowlist=self.allowlist,
                own_candidates=lambda: self.ours,
            )
        )

    def tearDown(self) -> None:
        """Nothing is left behind."""
        self.meetings.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Where we are."""
        return self.ours

    @property
    def links(self) -> tuple[Link, ...]:
        """Our only network."""
        return ((ip_interface("10.0.0.1/24"),),)

    def there(
        self,
        jid: str,
        *candidates: Candidate | PeerAddress,
        shares: tuple[Share, ...] = (FILM,),
        resource: str = "laptop",
    ) -> None:
        """Let a device come online and announce shares and addresses."""
        where = tuple(c if isinstance(c, Candidate) else Candidate(c) for c in candidates)
        said = Announcement(
            resource,
            {share.info_hash: share for share in shares},
            tuple(c.address for c in where if c.dialable),
            candidates=where,
        )
        self.meetings.apply(self.catalogue.set_online(jid, resource, True))
        self.meetings.apply(self.catalogue.replace_item(jid, resource, [said]))

    def gone(self, jid: str) -> None:
        """Let a device go offline."""
        self.meetings.apply(self.catalogue.set_online(jid, "laptop", False))

    def want(self, share: Share = FILM) -> None:
        """Begin a download."""
        self.successResultOf(self.swarm.download(share.info_hash, share.name, "/downloads"))
        self.meetings.update_sources(share.info_hash)

    def connected(self, *peers: Peer, share: Share = FILM) -> None:
        """Have the swarm be connected to these, and that be seen."""
        self.swarm.connected[share.info_hash] = peers
        self.pass_by(0.5)

    def pass_by(self, seconds: float) -> None:
        """Let time go by, in steps of a quarter of a second."""
        self.clock.pump([0.25] * round(seconds / 0.25))

    def offered(self, share: Share = FILM) -> tuple[PeerAddress, ...]:
        """Whom the swarm dials."""
        return self.swarm.offered[share.info_hash]

    @property
    def race(self) -> Deferred[PeerAddress | None]:
        """The last race."""
        return self.fakes.prober.raced[-1][1]

    def way(self, jid: str = BOB) -> RouteKind | None:
        """The kind of the route to a contact's laptop."""
        return self.meetings.routes.route(jid, "laptop").kind


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


class NeighbourTests(MeetingCase):
    """What bob announces is in our own network, or on our machine."""

    def setUp(self) -> None:
        """Nobody has proved to be in our network."""
        super().setUp()
        self.fakes.neighbours.networks = frozenset()

    def test_without_proof_no_local_address_is_dialled(self) -> None:
        """Nothing in our network is knocked at; the rest is, after a moment."""
        self.there(BOB, NEAR, FAR)
        self.want()
        self.assertEqual((self.fakes.prober.raced, self.offered()), ([], ()))
        self.fakes.neighbours.proofs[0][1].callback(frozenset())
        self.assertEqual(self.fakes.prober.raced[0][0], (FAR,))

    def test_with_proof_the_local_address_is_preferred(self) -> None:
        """Then it is the best address."""
        self.there(BOB, NEAR, FAR)
        self.want()
        self.fakes.neighbours.networks = HOME
        self.fakes.neighbours.proofs[0][1].callback(HOME)
        self.assertEqual((self.fakes.prober.raced[0][0], self.offered()), ((NEAR, FAR), (NEAR,)))

    def test_who_is_seen_elsewhere(self) -> None:
        """Others do not wait for the proof of one who is hardly at home with us."""
        self.ours = SYMMETRIC
        self.there(BOB, NEAR, FAR, SEEN)
        self.want()
        self.assertEqual([key for key, _ in self.fakes.neighbours.proofs], [(BOB, "laptop")])
        self.assertEqual(self.fakes.prober.raced[0][0], (FAR,))

    def test_a_neighbour_comes(self) -> None:
        """Who has dialled us from our network has proved to be there."""
        self.there(BOB, NEAR, FAR)
        self.want()
        self.connected(Peer(NEAR.address, None))
        self.assertIn(((BOB, "laptop"), NEAR.address), self.fakes.neighbours.connections)
        self.assertIs(self.way(), RouteKind.LAN)

    def test_no_proof_is_asked_for_what_it_would_not_change(self) -> None:
        """A service's port is dialled for nobody."""
        self.there(BOB, PeerAddress(FAR.address, 80))
        self.want()
        self.assertEqual(self.fakes.neighbours.proofs, [])

    def test_an_idle_device_is_asked_for_no_proof(self) -> None:
        """Our addresses change, and no torrent needs it."""
        self.there(BOB, NEAR)
        self.want()
        self.fakes.neighbours.prove(frozenset())
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.meetings.update_sources(FILM.info_hash)
        self.meetings.own_candidates_changed()
        self.assertEqual(len(self.fakes.neighbours.proofs), 1)

    def test_what_an_offline_device_has_proved_is_forgotten(self) -> None:
        """It may come back in another network."""
        self.there(BOB, NEAR, FAR)
        self.want()
        self.connected(Peer(NEAR.address, None))
        self.assertTrue(self.fakes.neighbours.shared_networks(BOB, "laptop"))
        self.gone(BOB)
        self.assertFalse(self.fakes.neighbours.shared_networks(BOB, "laptop"))

    def test_what_is_never_dialled(self) -> None:
        """Services, private networks of others, ourselves, our router, our link."""
        self.ours = SYMMETRIC
        for text, port in (
            ("9.9.9.9", 1023),
            ("192.168.7.7", 6881),
            ("10.0.0.1", 6881),
            ("10.0.0.1", 8080),
            ("9.9.9.7", 8443),
            ("127.0.0.1", 8080),
            ("169.254.169.254", 8080),
            ("fe80::1", 8080),
        ):
            self.there(BOB, PeerAddress.parse(text, port))
            self.want()
            self.pass_by(RELAY_AFTER)
            raced = [address for addresses, _ in self.fakes.prober.raced for address in addresses]
            self.assertEqual((raced, self.swarm.dialled_at_once), ([], []), text)

    def test_dialled_addresses_per_contact_are_bounded(self) -> None:
        """A contact that is never reached has only so many addresses dialled."""
        for port in range(2000, 2000 + 2 * MAX_PORTS):
            self.there(BOB, PeerAddress(FAR.address, port))
            self.want()
        dialled = {address for addresses, _ in self.fakes.prober.raced for address in addresses}
        self.assertEqual(len(dialled), MAX_PORTS)

    def test_who_is_met_keeps_the_budget(self) -> None:
        """What was connected does not count."""
        for port in range(2000, 2000 + 2 * MAX_PORTS):
            self.there(BOB, PeerAddress(FAR.address, port))
            self.want()
            self.connected(Peer(FAR.address, port))
            self.pass_by(IDLE_POLL)
        dialled = {address for addresses, _ in self.fakes.prober.raced for address in addresses}
        self.assertEqual(len(dialled), 2 * MAX_PORTS)


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


class AskedTests(MeetingCase):
    """A contact asks us to come."""

    def setUp(self) -> None:
        """Have something that bob wants."""
        super().setUp()
        self.there(BOB, NEAR, SEEN, shares=())
        self.want()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.meetings.update_sources(FILM.info_hash)

    def ask(self, *candidates: Candidate) -> None:
        """Have bob ask."""
        answer = self.meetings.connection_requested(BOB, "laptop", FILM.info_hash, candidates)
        self.assertEqual(answer, OURS)

    def knocked(self, *answering: PeerAddress) -> tuple[PeerAddress, ...]:
        """Let some of the probed addresses answer; returns all that were probed."""
        addresses, outcome = self.fakes.prober.probed.pop()
        outcome.callback(list(answering))
        self.clock.advance(PUNCH_AFTER_PROBE)
        return addresses

    def test_a_peer_that_answers_is_dialled_over_tcp(self) -> None:
        """Where they answer they are dialled over TCP, which is quicker; elsewhere over uTP."""
        self.ask(Candidate(NEAR), SEEN)
        self.assertEqual(self.allowlist.allowed[BOB, "laptop"], [NEAR, SEEN.address])
        self.assertEqual(self.knocked(NEAR), (NEAR,))
        self.assertEqual(
            self.swarm.dialled_at_once,
            [(FILM.info_hash, (NEAR,), ()), (FILM.info_hash, (), (SEEN.address,))],
        )

    def test_they_are_connected(self) -> None:
        """Who is connected over TCP is not dialled over uTP."""
        self.ask(Candidate(NEAR), SEEN)
        self.swarm.connected[FILM.info_hash] = (Peer(NEAR.address, NEAR.port),)
        self.knocked(NEAR)
        self.assertEqual(self.swarm.dialled_at_once, [(FILM.info_hash, (NEAR,), ())])

    def test_they_do_not_answer(self) -> None:
        """Then they are dialled over uTP, and not after long."""
        self.ask(Candidate(NEAR), SEEN)
        self.knocked()
        self.assertEqual(self.swarm.dialled_at_once, [(FILM.info_hash, (), (NEAR, SEEN.address))])

    def test_one_address_tells_nothing_of_another(self) -> None:
        """What is sent to an address does not depend on whether another one answers."""
        self.there(BOB, FAR, OTHER, SEEN)
        for answering in ([OTHER], [FAR, OTHER]):
            self.ask(Candidate(FAR), Candidate(OTHER), SEEN)
            self.knocked(*answering)
            ((_, dialled, _), (_, _, punched)) = self.swarm.dialled_at_once
            self.assertEqual((OTHER in dialled, SEEN.address in punched), (True, True))
            self.swarm.dialled_at_once.clear()

    def test_a_device_elsewhere_is_asked_for_no_proof(self) -> None:
        """It could prove nothing."""
        self.ask(SEEN)
        self.assertEqual(self.fakes.neighbours.proofs, [])

    def test_where_nothing_is_probed_nothing_is_waited_for(self) -> None:
        """The device dials over uTP now, and a hole needs both sides at once."""
        self.ask(SEEN)
        self.fakes.prober.probed.pop()[1].callback([])
        self.assertEqual(self.swarm.dialled_at_once, [(FILM.info_hash, (), (SEEN.address,))])

    def test_a_probed_device_may_connect_over_tcp_first(self) -> None:
        """It is not dialled over uTP in that time: libtorrent would drop its connection."""
        self.ask(Candidate(NEAR), SEEN)
        self.fakes.prober.probed.pop()[1].callback([])
        self.clock.advance(PUNCH_AFTER_PROBE / 2)
        self.assertEqual(self.swarm.dialled_at_once, [])
        self.clock.advance(PUNCH_AFTER_PROBE / 2)
        self.assertEqual(len(self.swarm.dialled_at_once), 1)

    def test_where_every_address_answers_none_is_dialled_over_utp(self) -> None:
        """There is no silent one left."""
        self.ask(Candidate(NEAR))
        self.knocked(NEAR)
        self.assertEqual(self.swarm.dialled_at_once, [(FILM.info_hash, (NEAR,), ())])

    def test_a_torrent_that_is_removed_meanwhile_is_not_dialled_for(self) -> None:
        """The device learns it when it connects."""
        self.ask(SEEN)
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.knocked()
        self.assertEqual(self.swarm.dialled_at_once, [])

    def test_others_are_not_dialled(self) -> None:
        """What the resource has not announced is not dialled, but it may come from there."""
        port = PeerAddress(NEAR.address, 8080)
        self.ask(Candidate(FAR), Candidate(port))
        self.clock.advance(1)
        self.assertEqual((self.fakes.prober.probed, self.swarm.dialled_at_once), ([], []))
        self.assertEqual(self.allowlist.allowed[BOB, "laptop"], [FAR, port])

    def test_what_they_tell_when_asked(self) -> None:
        """Where a resource says that it is to be met counts if it has announced that."""
        self.there(CAROL, FAR, SEEN, shares=(SONG,))
        self.want(SONG)
        self.pass_by(REQUEST_AFTER)
        self.fakes.requests.connections[0][3].callback(
            (SEEN, Candidate(PeerAddress(FAR.address, 8080)))
        )
        self.pass_by(PUNCH_AFTER + 0.25)
        self.assertEqual(self.swarm.dialled_at_once, [(SONG.info_hash, (), (FAR, SEEN.address))])

    def test_a_neighbour_has_to_prove_it(self) -> None:
        """Before that, nothing in our network is knocked at; what is elsewhere need not wait."""
        self.fakes.neighbours.networks = frozenset()
        self.there(BOB, NEAR, FAR)
        self.ask(Candidate(NEAR), Candidate(FAR))
        self.assertEqual([knocked for knocked, _ in self.fakes.prober.probed], [(FAR,)])
        self.fakes.neighbours.networks = HOME
        self.fakes.neighbours.proofs[-1][1].callback(HOME)
        self.assertEqual(self.knocked(NEAR), (NEAR,))

    def test_requests_for_unknown_torrents_are_refused(self) -> None:
        """Nobody is met for what we do not have."""
        with self.assertRaises(UnknownTorrent):
            self.meetings.connection_requested(BOB, "laptop", SONG.info_hash, [Candidate(NEAR)])


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

"""The states of one device, on fakes and a clock of the test's."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.context import ConnectContext
from bitween.connect.device import CONNECTING, LOST, DeviceState, RemoteDevice
from bitween.connect.ladder import REQUEST_AFTER
from bitween.connect.slots import MAX_SEARCHES, SearchSlots
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.peer import Peer
from bitween.model.route import RelayRoute, RouteKind
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import (
    LOCAL_NETWORKS,
    FakeAllowlist,
    FakeConnectorPorts,
    FakeDialPolicy,
)
from tests.support.fakes.swarm import FakeSwarm

BOB = ("bob@example.org", "laptop")
FILM = Share(InfoHash("ab" * 20), "film.mkv", 5_000_000)
SONG = Share(InfoHash("cd" * 20), "song.ogg", 5_000)
NEAR, FAR = PeerAddress("10.0.0.2", 6881), PeerAddress("9.9.9.9", 6881)


class ProofPolicy(FakeDialPolicy):
    """Asks for a proof for our own network."""

    def may_dial(self, address: PeerAddress, shared: object = ()) -> bool:
        """Dial a near address if a network is shared."""
        return address != NEAR or bool(shared)

    def needs_proof(self, address: PeerAddress) -> bool:
        """Ask for one for the near address."""
        return address == NEAR


class DeviceCase(SynchronousTestCase):
    """Bob's laptop, which has a film that we download."""

    def setUp(self) -> None:
        """Need it for the film."""
        self.clock, self.swarm = Clock(), FakeSwarm()
        self.fakes = FakeConnectorPorts(policy=ProofPolicy())
        self.catalogue = Catalogue(self.clock.seconds)
        self.events: list[str] = []
        self.context = ConnectContext(
            clock=self.clock,
            swarm=self.swarm,
            catalogue=self.catalogue,
            ports=self.fakes.ports,
            allowlist=FakeAllowlist(self.catalogue),
            own_candidates=lambda: (Candidate(PeerAddress("10.0.0.1", 6881)),),
        )
        self.announce(FAR)
        for share in (FILM, SONG):
            self.successResultOf(self.swarm.download(share.info_hash, share.name, "/downloads"))
        self.device = RemoteDevice(BOB, self.context, self)
        self.device.need(FILM.info_hash)
        self.addCleanup(self.device.close)

    def announce(self, *addresses: PeerAddress) -> None:
        """Have the laptop announce where it is."""
        candidates = tuple(map(Candidate, addresses))
        shares = {share.info_hash: share for share in (FILM, SONG)}
        announcement = Announcement("laptop", shares, addresses, candidates=candidates)
        self.catalogue.set_online(*BOB, True)
        self.catalogue.replace_item(*BOB, [announcement])

    def search_began(self, _device: RemoteDevice) -> None:
        """Record it."""
        self.events.append("search")

    def route_found(self, _device: RemoteDevice) -> None:
        """Record it."""
        self.events.append("found")

    def proof_ended(self, _device: RemoteDevice) -> None:
        """Record it."""
        self.events.append("proof")

    def route_lost(self, _device: RemoteDevice) -> None:
        """Record it."""
        self.events.append("lost")

    def search(self) -> None:
        """Begin to search."""
        self.device.update_candidates()
        self.device.start_search()

    def connect(self, peer: Peer | None = None) -> None:
        """Have the route found and used."""
        self.search()
        self.fakes.prober.raced[-1][1].callback(FAR)
        self.clock.advance(1)
        self.see(peer or Peer(FAR.address, FAR.port))

    def relay(self, most: int | None = None) -> None:
        """Have only the relay lead there."""
        self.search()
        self.fakes.prober.raced[-1][1].callback(None)
        self.fakes.requests.refuse()
        self.fakes.relay.answer(RelayRoute("" if most else "proxy.example.org", most))

    def see(self, peer: Peer) -> None:
        """Have a peer be seen that is the laptop."""
        self.device.note_peer()
        self.device.note_connection(FILM.info_hash, peer, FAR)

    def check(self, seconds: float) -> None:
        """Let time pass, then have the connection checked."""
        self.clock.advance(seconds)
        self.device.check_connection()

    def assert_state(self, state: DeviceState) -> None:
        """Compare the state."""
        self.assertIs(self.device.state, state)


class StateTests(DeviceCase):
    """The table in the module's head."""

    def test_queued_searching_dialling_connected(self) -> None:
        """A route that is found is dialled until a peer is seen."""
        self.assert_state(DeviceState.QUEUED)
        self.search()
        self.assert_state(DeviceState.SEARCHING)
        self.fakes.prober.raced[-1][1].callback(FAR)
        self.assert_state(DeviceState.DIALLING)
        self.clock.advance(1)
        self.see(Peer(FAR.address, FAR.port))
        self.assert_state(DeviceState.CONNECTED)
        self.device.release(FILM.info_hash)
        self.assert_state(DeviceState.IDLE)

    def test_unreachable(self) -> None:
        """Neither an address nor a relay."""
        self.search()
        self.fakes.prober.raced[-1][1].callback(None)
        self.fakes.requests.refuse()
        self.fakes.relay.answer(None)
        self.assert_state(DeviceState.UNREACHABLE)

    def test_proving(self) -> None:
        """Until the laptop answers; what may be dialled is known then."""
        self.fakes.neighbours.networks = frozenset()
        self.announce(NEAR, FAR)
        self.device.update_candidates()
        self.assert_state(DeviceState.PROVING)
        self.assertEqual([c.address for c in self.device.dialable], [FAR])
        self.fakes.neighbours.prove(LOCAL_NETWORKS)
        self.assertEqual(self.events, ["proof"])
        self.assert_state(DeviceState.QUEUED)
        self.assertEqual([c.address for c in self.device.dialable], [NEAR, FAR])

    def test_a_closed_device_proves_nothing(self) -> None:
        """Its proof comes too late."""
        self.fakes.neighbours.networks = frozenset()
        self.announce(NEAR)
        self.device.update_candidates()
        self.device.close()
        self.fakes.neighbours.prove(frozenset())
        self.assertEqual(self.events, [])

    def test_a_lost_connection(self) -> None:
        """The route is forgotten, and the torrents may be invited again."""
        self.connect()
        self.check(LOST)
        self.assert_state(DeviceState.CONNECTED)
        self.check(0.5)
        self.assertEqual(self.events[-1], "lost")
        self.assertIsNone(self.device.route.kind)
        self.search()
        self.see(Peer(FAR.address, None))
        self.device.invite(FILM.info_hash)
        self.assertEqual(len(self.fakes.requests.connections), 0)

    def test_a_dial_that_leads_to_no_peer(self) -> None:
        """After a while the laptop is asked to dial us."""
        self.search()
        self.fakes.prober.raced[-1][1].callback(FAR)
        self.check(CONNECTING)
        self.assertEqual(self.fakes.requests.connections, [])
        self.check(0.5)
        self.assertEqual(len(self.fakes.requests.connections), 1)

    def test_a_torrent_that_stands_still_expects_no_peer(self) -> None:
        """The time for a connection begins when it goes on."""
        self.connect()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.check(LOST + 1)
        self.assertFalse(self.device.is_connected)
        self.assert_state(DeviceState.DIALLING)

    def test_a_peer_seen_as_the_route_is_found_connects_it(self) -> None:
        """The device that dials us is connected from that moment."""
        self.search()
        self.see(Peer(FAR.address, None))
        self.assert_state(DeviceState.CONNECTED)

    def test_a_peer_seen_over_the_relay_is_none_of_the_direct_route(self) -> None:
        """A better route is dialled until a peer is seen again."""
        self.relay()
        self.device.note_peer()
        self.clock.advance(1)
        self.announce(NEAR, FAR)
        self.search()
        self.fakes.prober.raced[-1][1].callback(FAR)
        self.assert_state(DeviceState.DIALLING)

    def test_a_peer_counts_for_some_seconds(self) -> None:
        """After that the device may be pinged again."""
        self.connect()
        self.clock.advance(LOST - 1)
        self.assertTrue(self.device.is_connected)
        self.clock.advance(1)
        self.assertFalse(self.device.is_connected)

    def test_a_device_searches_while_a_torrent_needs_it(self) -> None:
        """Another torrent may be complete meanwhile."""
        self.device.need(SONG.info_hash)
        self.search()
        self.device.release(FILM.info_hash)
        self.assert_state(DeviceState.SEARCHING)
        self.device.release(SONG.info_hash)
        self.assertTrue(self.fakes.prober.raced[-1][1].called, "cancelled")

    def test_one_proof_is_asked_for_at_a_time(self) -> None:
        """A device may announce its addresses again while it proves that it is near."""
        self.fakes.neighbours.networks = frozenset()
        self.announce(NEAR, FAR)
        self.device.update_candidates()
        self.device.update_candidates()
        self.assertEqual(len(self.fakes.neighbours.proofs), 1)

    def test_a_device_that_connects_from_our_network_has_proved_it(self) -> None:
        """Its address there may be dialled from then on."""
        self.fakes.neighbours.networks = frozenset()
        self.announce(NEAR, FAR)
        self.device.update_candidates()
        self.device.note_connection(FILM.info_hash, Peer(NEAR.address, None), NEAR)
        self.assertEqual([c.address for c in self.device.dialable], [NEAR, FAR])

    def test_a_peer_that_may_be_another_device_is_not_lost(self) -> None:
        """Without a route there is none to forget, and the search goes on."""
        self.search()
        self.device.note_peer()
        self.check(LOST + 1)
        self.assertEqual(self.events, ["search", "search"])
        self.assert_state(DeviceState.SEARCHING)

    def test_a_removed_torrent_downloads_nothing(self) -> None:
        """The connector learns a moment later that it is gone."""
        self.assertTrue(self.device.is_downloading)
        self.successResultOf(self.swarm.remove(FILM.info_hash, delete_data=False))
        self.assertFalse(self.device.is_downloading)

    def test_a_device_that_another_torrent_needs_stays_connected(self) -> None:
        """Its route is in use."""
        self.connect()
        self.device.need(SONG.info_hash)
        self.assert_state(DeviceState.CONNECTED)

    def test_a_device_that_was_idle_is_not_lost(self) -> None:
        """Its route is dialled when another torrent needs it, however long that takes."""
        self.connect()
        self.device.release(FILM.info_hash)
        self.clock.advance(10 * LOST)
        self.device.need(SONG.info_hash)
        self.search()
        self.check(1)
        self.assert_state(DeviceState.DIALLING)
        self.assertNotIn("lost", self.events)

    def test_after_a_lost_connection_every_torrent_is_invited_again(self) -> None:
        """The device may have closed them all."""
        self.device.need(SONG.info_hash)
        self.search()
        self.see(Peer(FAR.address, None))
        self.check(LOST + 1)
        self.search()
        self.device.note_connection(SONG.info_hash, Peer(FAR.address, None), FAR)
        self.device.invite(FILM.info_hash)
        self.assertEqual(self.fakes.requests.connections[-1][1], FILM.info_hash)


class RouteTests(DeviceCase):
    """What follows from the kind of the route."""

    def test_a_peer_over_utp_was_met_halfway(self) -> None:
        """Nobody can say who dialled; it is no inbound route."""
        self.search()
        self.see(Peer(FAR.address, None, utp=True))
        self.assertIs(self.device.route.kind, RouteKind.PUNCHED)
        self.assertFalse(self.device.route.inbound_only)

    def test_a_device_that_dialled_us_is_invited_once_a_torrent(self) -> None:
        """A torrent that is released and needed again is a new one."""
        self.search()
        self.see(Peer(FAR.address, None))
        for _ in range(2):
            self.device.need(SONG.info_hash)
            self.device.invite(SONG.info_hash)
            self.device.invite(SONG.info_hash)
            self.device.release(SONG.info_hash)
        asked = [info_hash for _, info_hash, _, _ in self.fakes.requests.connections]
        self.assertEqual(asked, [SONG.info_hash] * 2)
        self.assertEqual(self.swarm.dialled_at_once, [])

    def test_a_relay_is_left_once_for_a_direct_connection(self) -> None:
        """What was released is not released again."""
        self.relay()
        self.see(Peer(FAR.address, FAR.port))
        self.assertEqual(self.fakes.relay.disconnected, [BOB])
        self.fakes.relay.local_address(*BOB)
        self.see(Peer(FAR.address, FAR.port))
        self.assertEqual(self.fakes.relay.disconnected, [BOB])

    def test_a_relayed_device_is_neither_lost_nor_refused(self) -> None:
        """Its streams end when they are idle."""
        self.relay()
        self.device.note_peer()
        self.check(LOST + CONNECTING)
        self.assertIs(self.device.route.kind, RouteKind.RELAY)

    def test_a_torrent_fits_up_to_the_limit(self) -> None:
        """One byte more does not."""
        self.relay(most=FILM.size)
        self.assertEqual(len(self.device.addresses_for(FILM.info_hash, answers=None)), 1)
        self.device.reset_route()
        self.assertEqual(self.fakes.relay.disconnected, [BOB])
        self.relay(most=FILM.size - 1)
        self.assert_state(DeviceState.UNREACHABLE)

    def test_resetting_the_route_forgets_what_was_proved(self) -> None:
        """The device may be in another network now."""
        self.fakes.neighbours.networks = frozenset()
        self.fakes.neighbours.connected(*BOB, NEAR.address)
        self.assertTrue(self.fakes.neighbours.shared_networks(*BOB))
        self.device.reset_route()
        self.assertFalse(self.fakes.neighbours.shared_networks(*BOB))

    def test_a_request_that_fails_is_no_error(self) -> None:
        """The ladder goes on if no peer is seen."""
        self.search()
        self.see(Peer(FAR.address, None))
        self.device.need(SONG.info_hash)
        self.device.invite(SONG.info_hash)
        self.fakes.requests.connections[-1][3].errback(RequestRefused("no"))
        self.clock.advance(REQUEST_AFTER)

    def test_a_relay_that_the_device_uses_is_not_closed(self) -> None:
        """A direct connection ends the relay that we have asked for, and no other."""
        self.fakes.relay.local_address(*BOB)
        self.search()
        self.see(Peer(FAR.address, FAR.port))
        self.assertEqual(self.fakes.relay.disconnected, [])

    def test_a_relay_of_a_route_that_was_reset_is_not_closed_again(self) -> None:
        """The device may use it again."""
        self.relay()
        self.device.reset_route()
        self.fakes.relay.local_address(*BOB)
        self.search()
        self.see(Peer(FAR.address, FAR.port))
        self.assertEqual(self.fakes.relay.disconnected, [BOB])

    def test_a_direct_route_is_dialled_while_pings_fail(self) -> None:
        """XMPP may be down between the servers, and BitTorrent not."""
        self.connect()
        self.assertEqual(self.device.addresses_for(FILM.info_hash, answers=False), [FAR])

    def test_the_size_limit_is_that_of_the_in_band_route(self) -> None:
        """A direct route carries every torrent."""
        self.device.need(SONG.info_hash)
        self.relay(most=SONG.size)
        self.assertEqual(self.device.addresses_for(FILM.info_hash, answers=None), [])
        self.see(Peer(FAR.address, FAR.port))
        self.assertEqual(self.device.addresses_for(FILM.info_hash, answers=None), [FAR])

    def test_a_torrent_of_unknown_size_does_not_go_in_band(self) -> None:
        """The device no longer announces it."""
        self.relay(most=FILM.size)
        unknown = InfoHash("ef" * 20)
        self.assertEqual(self.device.addresses_for(unknown, answers=None), [])

    def test_a_peer_at_a_port_that_we_dial_is_no_inbound_one(self) -> None:
        """The address may be dialled for other torrents, too."""
        self.search()
        self.see(Peer(FAR.address, FAR.port))
        self.assertFalse(self.device.route.inbound_only)
        self.assertEqual(self.device.addresses_for(SONG.info_hash, answers=None), [FAR])


class SlotTests(DeviceCase):
    """Who may search, and who waits."""

    def devices(self, count: int) -> list[RemoteDevice]:
        """Devices of as many contacts, of which all but the last search."""
        slots = self.slots = SearchSlots()
        devices = []
        for number in range(count):
            device = RemoteDevice((f"friend{number}@example.org", "pc"), self.context, self)
            device.need(FILM.info_hash)
            self.addCleanup(device.close)
            devices.append(device)
            if slots.acquire(device):
                device.start_search()
                slots.began(device)
        return devices

    def test_a_device_takes_its_turn_once(self) -> None:
        """It leaves the queue when it may search."""
        devices = self.devices(MAX_SEARCHES + 1)
        self.assertIsNone(self.slots.next_in_queue())
        devices[0].stop()
        self.assertIs(self.slots.next_in_queue(), devices[-1])
        self.assertIsNone(self.slots.next_in_queue())

    def test_a_device_that_gets_a_slot_leaves_the_queue(self) -> None:
        """It asks again by itself when its candidates change."""
        devices = self.devices(MAX_SEARCHES + 1)
        devices[0].stop()
        self.assertTrue(self.slots.acquire(devices[-1]))
        self.assertIsNone(self.slots.next_in_queue())

    def test_a_device_that_is_gone_leaves_the_queue(self) -> None:
        """The slot is free for the next one."""
        devices = self.devices(MAX_SEARCHES + 1)
        devices[0].stop()
        self.slots.leave_queue(devices[-1].key)
        self.assertIsNone(self.slots.next_in_queue())

    def test_a_device_that_searches_may_begin_again(self) -> None:
        """It keeps its slot while its candidates change, even if none is free."""
        devices = self.devices(MAX_SEARCHES)
        self.assertTrue(self.slots.acquire(devices[0]))

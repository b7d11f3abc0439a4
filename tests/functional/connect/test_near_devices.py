"""Devices in our own network, or on our machine, and what is never dialled."""

from __future__ import annotations

from bitween.connect.connector import IDLE_POLL
from bitween.connect.dial_policy import MAX_PORTS
from bitween.connect.ladder import RELAY_AFTER
from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from tests.support.connector_case import BOB, FAR, FILM, HOME, NEAR, SEEN, SYMMETRIC, MeetingCase


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

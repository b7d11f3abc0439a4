"""What the connector does when a contact asks it to connect."""

from __future__ import annotations

from bitween.connect.ladder import PUNCH_AFTER, REQUEST_AFTER
from bitween.connect.responder import PUNCH_AFTER_PROBE
from bitween.errors import UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.peer import Peer
from tests.support.connector_case import (
    BOB,
    CAROL,
    FAR,
    FILM,
    HOME,
    NEAR,
    OTHER,
    OURS,
    SEEN,
    SONG,
    MeetingCase,
)


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

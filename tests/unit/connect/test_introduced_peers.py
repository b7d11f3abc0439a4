"""What an introduction makes us do, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface

from twisted.internet.defer import Deferred, succeed

from bitween.connect.dial_policy import MAX_FAILED, MAX_PORTS, DialPolicy
from bitween.connect.introduced_peers import CONNECTED_WITHIN, MAX_INTRODUCED, IntroducedPeers
from bitween.connect.introducer import Admission
from bitween.connect.responder import PUNCH_AFTER_PROBE
from bitween.errors import UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.introduction import Introduction
from bitween.model.network_link import Link
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.wanting import FILM, HASH, OURS, SONG, WantingCase, place

BOB = "bob@localhost"
SEEN = Candidate(PeerAddress("8.8.0.1", 7000), CandidateKind.REFLEXIVE)
LIFE = 3600.0


class IntroducedCase(WantingCase):
    """alice fetches a film from bob, who introduces others."""

    def setUp(self) -> None:
        """Begin, with the real rules of what is dialled."""
        super().setUp()
        policy = DialPolicy(self.clock, self, lambda _: False)
        self.fakes = FakeConnectorPorts(policy=policy)
        self.context = replace(self.context, ports=self.fakes.ports)
        self.waking: Deferred[None] = succeed(None)
        self.peers = IntroducedPeers(self.context, Admission(wake=lambda _: self.waking))
        self.online(BOB, place(99), shares=(FILM, SONG))
        self.fetch()

    def tearDown(self) -> None:
        """Nothing is left behind."""
        self.context.tasks.cancel_all()
        self.peers.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Where we are."""
        return OURS

    @property
    def links(self) -> tuple[Link, ...]:
        """Our only network."""
        return ((ip_interface("192.168.1.1/24"), ip_interface("192.0.2.1/24")),)

    def introduce(
        self,
        *candidates: Candidate,
        member: str = "7d2a9e4c",
        info_hash: InfoHash = HASH,
        seconds: float = LIFE,
    ) -> None:
        """Let bob introduce a member."""
        introduction = Introduction(info_hash, member, candidates)
        self.peers.introduce(BOB, "laptop", introduction, seconds)

    def admitted(self) -> set[str]:
        """The IP addresses from which introduced peers may come."""
        return {a.address for addresses in self.allowlist.others.values() for a in addresses}

    def probed(self) -> list[PeerAddress]:
        """The addresses that were probed."""
        return [address for addresses, _ in self.fakes.prober.probed for address in addresses]


class DiallingTests(IntroducedCase):
    """Both sides dial."""

    def test_a_peer_is_let_in_and_dialled(self) -> None:
        """Over TCP where it answers, over uTP where it does not."""
        self.introduce(place(0), SEEN)
        self.assertEqual(self.admitted(), {place(0).address.address})
        self.assertEqual(self.probed(), [place(0).address])
        self.fakes.prober.end([place(0).address])
        self.clock.advance(PUNCH_AFTER_PROBE)
        self.assertEqual(
            self.swarm.dialled_at_once,
            [(HASH, (place(0).address,), ()), (HASH, (), (SEEN.address,))],
        )

    def test_one_that_is_connected_is_not_dialled_over_utp(self) -> None:
        """It dialled us."""
        self.introduce(place(0))
        self.fakes.prober.end([])
        self.swarm.connected[HASH] = (Peer(place(0).address.address, None),)
        self.clock.advance(PUNCH_AFTER_PROBE)
        self.assertEqual(self.swarm.dialled_at_once, [])

    def test_a_seed_is_woken_and_dials(self) -> None:
        """It may be what the other one needs."""
        self.swarm.arrive(HASH, 100)
        self.waking = Deferred()
        self.introduce(place(0))
        self.assertEqual(self.probed(), [])
        self.waking.callback(None)
        self.assertEqual(self.probed(), [place(0).address])

    def test_a_peer_is_named_after_the_contact_that_introduced_it(self) -> None:
        """One that we dialled by its port, one that dialled us by its address."""
        self.introduce(place(0))
        address = place(0).address.address
        for peer, introducer in (
            (Peer(address, 6881), BOB),
            (Peer(address, None), BOB),
            (Peer(address, 7777), None),
            (Peer("8.8.4.4", 6881), None),
        ):
            self.assertEqual(self.peers.introducer(HASH, peer), introducer)
        self.assertIsNone(self.peers.introducer(SONG.info_hash, Peer(address, 6881)))


class EndTests(IntroducedCase):
    """The end of an introduction."""

    def setUp(self) -> None:
        """Have two, of two shares."""
        super().setUp()
        self.fetch(SONG)
        self.introduce(place(0))
        self.introduce(place(1), info_hash=SONG.info_hash)

    def only(self, *numbers: int) -> None:
        """Check who may still come."""
        self.assertEqual(self.admitted(), {place(number).address.address for number in numbers})

    def test_its_time_is_over(self) -> None:
        """Nobody is let in after that."""
        self.fakes.prober.end([])
        self.clock.advance(LIFE)
        self.only()

    def test_the_torrent_stops(self) -> None:
        """It is paused or removed; what is complete goes on giving."""
        self.swarm.arrive(HASH, 100)
        self.peers.torrent_changed(HASH)
        self.only(0, 1)
        options = self.swarm.library.get(HASH).options
        self.successResultOf(self.swarm.set_options(HASH, replace(options, paused=True)))
        self.peers.torrent_changed(HASH)
        self.only(1)
        self.successResultOf(self.swarm.remove(SONG.info_hash, delete_data=False))
        self.peers.torrent_changed(SONG.info_hash)
        self.only()

    def test_the_share_is_taken_away(self) -> None:
        """The introducer offline is not a reason: members go on without it."""
        self.peers.apply(self.offline(BOB))
        self.only(0, 1)
        self.online(BOB, place(99), shares=(FILM, SONG))
        self.peers.apply(self.online(BOB, place(99), shares=(SONG,)))
        self.only(1)

    def test_a_new_one_takes_the_place_of_the_old(self) -> None:
        """The same member may have moved; of many, the oldest ends."""
        self.introduce(place(2))
        self.only(1, 2)
        for number in range(MAX_INTRODUCED):
            self.introduce(place(3 + number), member=f"{number:08x}")
        self.only(1, *range(3, 3 + MAX_INTRODUCED))

    def test_what_is_not_fetched_is_refused(self) -> None:
        """So is an introduction that is over when it comes."""
        options = self.swarm.library.get(HASH).options
        self.successResultOf(self.swarm.set_options(HASH, replace(options, paused=True)))
        for info_hash, seconds in (
            (HASH, LIFE),
            (InfoHash("00" * 20), LIFE),
            (SONG.info_hash, 0.0),
        ):
            with self.assertRaises(UnknownTorrent):
                self.introduce(place(5), info_hash=info_hash, seconds=seconds)


class LieTests(IntroducedCase):
    """The introducer lies about where the member is."""

    def test_addresses_of_others_are_not_dialled(self) -> None:
        """Neither private nor link-local ones, nor our own, nor services."""
        for number, (address, port) in enumerate(
            (
                ("192.168.1.5", 9100),
                ("10.0.0.1", 6881),
                ("fe80::1", 6881),
                ("127.0.0.1", 6881),
                ("192.0.2.1", 6881),
                ("192.168.1.1", 6881),
                ("8.8.8.8", 22),
                ("8.8.8.8", 1023),
            )
        ):
            self.introduce(Candidate(PeerAddress(address, port)), member=f"{number:08x}")
        self.assertEqual(self.probed(), [])
        self.assertEqual(self.swarm.dialled_at_once, [])
        for address in ("fe80::1", "127.0.0.1", "192.0.2.1"):
            self.assertNotIn(address, self.admitted())

    def test_the_budget_is_that_of_the_introducer(self) -> None:
        """It is the same for what it announces and for what it introduces."""
        self.context.ports.policy.within_budget(BOB, [place(200).address])
        for number in range(50):
            self.introduce(place(number), member=f"{number:08x}")
        self.assertEqual(len(self.probed()), MAX_FAILED[3600.0] - 1)

    def test_the_ports_of_one_host_are_few(self) -> None:
        """Nobody has a host scanned."""
        for number in range(20):
            port = PeerAddress("8.8.8.8", 2000 + number)
            self.introduce(Candidate(port), member=f"{number:08x}")
        self.assertEqual(len(self.probed()), MAX_PORTS)

    def test_a_member_that_was_connected_costs_nothing(self) -> None:
        """Only addresses that were dialled in vain do."""
        for number in range(50):
            self.introduce(place(number), member=f"{number:08x}")
            self.fakes.prober.end([place(number).address])
            self.clock.advance(PUNCH_AFTER_PROBE)
            self.swarm.connected[HASH] = (Peer(place(number).address.address, 6881),)
            self.clock.advance(CONNECTED_WITHIN)
        self.assertEqual(len(self.probed()), 50)

"""Dialling each other over uTP: when, how long, and that it works with real sessions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.hole_punch import AGAIN, LASTING, LOOK, Puncher
from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash
from tests.support.swarms import SwarmCase, address_of, when, write
from tests.support.waiting import until

FILM, SONG = InfoHash("ab" * 20), InfoHash("cd" * 20)
ONE, TWO = PeerAddress.parse("192.0.2.1", 6881), PeerAddress.parse("192.0.2.2", 6881)


class FakeSession:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.utp = False
        self.dialled: list[tuple[InfoHash, tuple[PeerAddress, ...]]] = []
        self.connected: dict[InfoHash, list[Peer]] = {}

    def dial_over_utp(self, on: bool) -> None:
        """Switch it."""
        self.utp = on

    def dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        """Take note; at once would part from others."""
        assert self.utp
        assert not at_once
        self.dialled.append((info_hash, tuple(peers)))

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """Who is connected."""
        return self.connected.get(info_hash, [])


class PuncherTests(SynchronousTestCase):
    """On a clock of the test's."""

    def setUp(self) -> None:
        """Make a puncher."""
        self.clock, self.session = Clock(), FakeSession()
        self.puncher = Puncher(self.clock, self.session)

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.pump([LOOK] * round(seconds / LOOK))

    def test_dialling_repeats_for_a_while_and_then_ends(self) -> None:
        """It is dialled again and again, for a while; then uTP is off again."""
        self.puncher.punch(FILM, [ONE, TWO])
        self.assertEqual(self.session.dialled, [(FILM, (ONE, TWO))])
        self.pass_by(LASTING)
        self.assertEqual(len(self.session.dialled), LASTING / AGAIN)
        self.assertFalse(self.session.utp)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_dialling_ends_when_the_peer_connects(self) -> None:
        """It does not matter which side dialled."""
        for peer in (Peer(ONE.address, ONE.port), Peer(ONE.address, None)):
            self.puncher.punch(FILM, [ONE])
            self.session.connected[FILM] = [Peer("192.0.2.9", 6881), Peer(ONE.address, 7000)]
            self.pass_by(LOOK)
            self.assertTrue(self.session.utp)
            self.session.connected[FILM].append(peer)
            self.pass_by(LOOK)
            self.assertFalse(self.session.utp)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_utp_stays_on_while_any_dialling_goes_on(self) -> None:
        """As long as one goes on, uTP is on; of one torrent all addresses are dialled."""
        self.puncher.punch(FILM, [ONE])
        self.puncher.punch(SONG, [TWO])
        self.puncher.punch(SONG, [ONE])
        self.assertEqual(self.session.dialled[-1], (SONG, (TWO, ONE)))
        self.session.connected[SONG] = [Peer(TWO.address, None)]
        self.pass_by(LOOK)
        self.assertTrue(self.session.utp)
        self.session.connected[FILM] = [Peer(ONE.address, None)]
        self.pass_by(LOOK)
        self.assertFalse(self.session.utp)

    def test_one_who_asks_without_end(self) -> None:
        """Each address is dialled as long as any other, however many come after it."""
        for number in range(1, 100):
            self.puncher.punch(FILM, [PeerAddress.parse("192.0.2.1", number)])
            self.pass_by(AGAIN)
        self.assertLessEqual(max(len(dialled) for _, dialled in self.session.dialled), LASTING)
        self.pass_by(LASTING)
        self.assertFalse(self.session.utp)

    def test_nothing_to_dial(self) -> None:
        """Then nothing is touched."""
        self.puncher.punch(FILM, [])
        self.assertFalse(self.session.utp)

    def test_closing_leaves_no_timer(self) -> None:
        """Nothing is left behind."""
        self.puncher.punch(FILM, [ONE])
        self.puncher.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MeetingTests(SwarmCase):
    """Two real swarms."""

    async def test_two_swarms_connect_over_utp(self) -> None:
        """A seed and who wants it dial each other, and the bytes come over uTP."""
        one, two = await self.start(), await self.start()
        content = os.urandom(300_000)
        info_hash = await self.share(one, write(os.path.join(self.folder(), "film"), content))
        await two.download(info_hash, "", self.folder())

        def meet() -> bool:
            # Again and again: until both have the torrent in their sessions, dialling does nothing.
            one.dial_simultaneously(info_hash, [], [address_of(two)])
            two.dial_simultaneously(info_hash, [], [address_of(one)])
            return bool(two.peers(info_hash))

        await until(meet, "the two have a connection over uTP")
        self.assertTrue(all(peer.utp for peer in two.peers(info_hash)))
        await when(two, lambda: two.library.get(info_hash).complete)

    async def test_a_seed_connects_over_tcp_where_the_peer_listens(self) -> None:
        """A seed that is given a listening address dials over TCP."""
        one, two = await self.start(), await self.start()
        content = os.urandom(300_000)
        info_hash = await self.share(one, write(os.path.join(self.folder(), "film"), content))
        await two.download(info_hash, "", self.folder())

        def meet() -> bool:
            # Again and again: until both have the torrent in their sessions, dialling does nothing.
            one.dial_simultaneously(info_hash, [address_of(two)], [])
            return bool(two.peers(info_hash))

        await until(meet, "the two have a connection over TCP")
        self.assertFalse(any(peer.utp for peer in two.peers(info_hash)))
        await when(two, lambda: two.library.get(info_hash).complete)

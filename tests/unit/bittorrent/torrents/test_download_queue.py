"""Which downloads run, and what connections brought."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.transfer_counters import (
    PeerConnection,
    TorrentCounters,
    TransferCounters,
)
from bitween.bittorrent.torrents.download_queue import QueueEntry, waiting
from bitween.model.events import PeerMoved
from bitween.model.torrent import InfoHash


def candidate(name: str, rank: int = 0, added: float = 0.0, stalled: bool = False) -> QueueEntry:
    """A download."""
    return QueueEntry(rank, added, InfoHash(name), stalled)


class QueueTests(SynchronousTestCase):
    """Who has to wait."""

    def test_preferred_torrents_go_first_then_older_ones(self) -> None:
        """Who was put first goes first, then the older ones."""
        downloads = [
            candidate("old", added=1),
            candidate("new", added=3),
            candidate("first", rank=-1, added=9),
            candidate("middle", added=2),
        ]
        self.assertEqual(waiting(downloads, 2), {"middle", "new"})
        self.assertEqual(waiting(downloads, 1), {"old", "middle", "new"})
        self.assertEqual(waiting(downloads, 4), set())
        self.assertEqual(waiting(downloads, 0), set())

    def test_what_is_stalled(self) -> None:
        """It neither waits nor keeps others waiting."""
        downloads = [
            candidate("a", added=1, stalled=True),
            candidate("b", added=2),
            candidate("c", added=3),
            candidate("d", added=4, stalled=True),
        ]
        self.assertEqual(waiting(downloads, 1), {"c"})


def connection(port: int, down: int, up: int, incoming: bool = False) -> PeerConnection:
    """A peer at one address."""
    return PeerConnection("192.0.2.1", port, incoming, down, up)


class TallyTests(SynchronousTestCase):
    """What connections brought."""

    def moved(
        self, tally: TorrentCounters, *connections: PeerConnection
    ) -> list[tuple[int | None, int, int]]:
        """Port and bytes of what is new."""
        return [(m.port, m.downloaded, m.uploaded) for m in tally.count(connections)]

    def test_only_what_is_new_counts(self) -> None:
        """Each byte counts once; a peer that dialled us has no port to know it by."""
        tally = TorrentCounters()
        first = connection(1, 10, 0), connection(2, 0, 5, incoming=True), connection(3, 0, 0)
        self.assertEqual(self.moved(tally, *first), [(1, 10, 0), (None, 0, 5)])
        self.assertEqual(self.moved(tally, *first), [])
        self.assertEqual(
            self.moved(tally, connection(1, 15, 1), connection(2, 0, 7, incoming=True)),
            [(1, 5, 1), (None, 0, 2)],
        )

    def test_a_connection_made_anew(self) -> None:
        """It counts from nothing, whether it was seen to be gone or not."""
        tally = TorrentCounters()
        self.moved(tally, connection(1, 10, 10))
        self.assertEqual(self.moved(tally, connection(1, 4, 12)), [(1, 4, 12)])
        self.assertEqual(self.moved(tally), [])
        self.assertEqual(self.moved(tally, connection(1, 20, 20)), [(1, 20, 20)])

    def test_which_torrents_are_looked_at(self) -> None:
        """Those of which something moved, each once, and a last time when it goes."""
        looked, told = list[str](), list[PeerMoved]()
        now = [connection(1, 10, 0)]

        def connections(info_hash: InfoHash) -> list[PeerConnection]:
            looked.append(info_hash)
            return now

        counters = TransferCounters(connections, told.append)
        for name in ("a", "b", "a", "c"):
            counters.moved(InfoHash(name))
        counters.step(2)
        self.assertEqual(looked, ["a", "b"])
        counters.count_all()
        self.assertEqual(looked, ["a", "b", "c"])
        now[0] = connection(1, 15, 0)
        counters.forget(InfoHash("a"))
        counters.forget(InfoHash("unknown"))
        self.assertEqual(
            (looked[3:], [moved.downloaded for moved in told]), (["a"], [10] * 3 + [5])
        )

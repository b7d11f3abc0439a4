"""Taking up what is told of very many torrents at once."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.engine.status_queue import StatusQueue
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import SLICE


def status(number: int, done: int = 0) -> TorrentStatus:
    """What is told of a torrent."""
    return TorrentStatus(
        InfoHash(f"{number:040x}"), Phase.SEEDING, True, done, 0, 0, 0, 0, 0, 0, 0, ""
    )


class StatusQueueTests(SynchronousTestCase):
    """A clock on which taking up one status takes half a slice."""

    def setUp(self) -> None:
        """Begin with nothing to do."""
        self.clock = Clock()
        self.taken: list[TorrentStatus] = []
        self.times_done = 0
        self.queue = StatusQueue(self.clock, self._emptied)
        self.queue.handle = self._take

    def _take(self, status: TorrentStatus) -> None:
        self.taken.append(status)
        self.clock.rightNow += SLICE / 2

    def _emptied(self) -> None:
        self.times_done += 1

    def test_few_are_taken_up_at_once(self) -> None:
        """What fits into a slice needs no further turn of the reactor."""
        self.queue.add([status(1)])
        self.assertEqual((self.taken, self.times_done), ([status(1)], 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_are_taken_up_in_slices(self) -> None:
        """Others have their turn in between, and the end is told once."""
        others: list[int] = []
        self.queue.add(map(status, range(9)))
        self.clock.callLater(0, lambda: others.append(len(self.taken)))
        self.clock.pump([0] * 5)
        self.assertEqual(others, [4])
        self.assertEqual((self.taken, self.times_done), ([status(n) for n in range(9)], 1))

    def test_only_the_latest_counts(self) -> None:
        """What is told meanwhile takes the place of what still waits."""
        self.queue.add(map(status, range(4)))
        self.queue.add([status(3, done=7)])
        self.clock.pump([0] * 5)
        self.assertEqual(self.taken[3:], [status(3, done=7)])

    def test_what_cannot_wait(self) -> None:
        """What was told of one torrent is taken up at once, and once."""
        self.queue.add(map(status, range(5)))
        self.queue.flush(status(4).info_hash)
        self.assertEqual(self.taken[-1], status(4))
        self.queue.flush(status(7).info_hash)
        self.clock.pump([0] * 5)
        self.assertEqual(len(self.taken), 5)

    def test_what_is_forgotten_is_not_taken_up(self) -> None:
        """The waiting status of a torrent is dropped when it is loaded again."""
        self.queue.add(map(status, range(4)))
        self.queue.forget(status(3).info_hash)
        self.clock.pump([0] * 5)
        self.assertEqual(self.taken, [status(n) for n in range(3)])

    def test_finishing(self) -> None:
        """Everything can be taken up here and now."""
        self.queue.add(map(status, range(4)))
        self.queue.finish()
        self.assertEqual(len(self.taken), 4)

    def test_closing(self) -> None:
        """Nothing is taken up any more, and nothing left in the reactor."""
        self.queue.add(map(status, range(4)))
        self.queue.close()
        self.assertEqual((len(self.taken), self.times_done), (2, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

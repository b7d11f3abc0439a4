"""Lets downloads run in turn if not all of them may run at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable

#: Seconds without a byte after which a download no longer keeps others waiting.
STALLED = 60.0


@dataclass(frozen=True, slots=True, order=True)
class QueueEntry:
    """
    A download that could run; entries sort in the order in which they run.

    :param rank: set by the user; lowest first.
    :param added: seconds since the epoch; oldest first.
    :param stalled: whether it has been running without progress for :data:`STALLED`.
    """

    rank: int
    added: float
    info_hash: InfoHash
    stalled: bool


class DownloadQueue:
    """
    Has downloads wait or run, soon after a change, once for all changes.

    :ivar changed: notified of each torrent that has to wait from now on, or may run.
    """

    def __init__(self, context: Context, limit: int) -> None:
        """:param limit: how many run at the same time, 0 for any number."""
        self._reactor = context.reactor
        self._registry = context.registry
        self._limit = limit
        self.changed: Observable[ManagedTorrent] = Observable()
        self._running = False
        self._arranging: IDelayedCall | None = None

    def start(self) -> None:
        """Arrange the queue on changes from now on."""
        self._running = True

    def stop(self) -> None:
        """Arrange it no longer."""
        self._running = False
        if self._arranging is not None:
            self._arranging.cancel()
            self._arranging = None

    def reschedule(self) -> None:
        """Have the queue arranged soon."""
        if self._limit and self._running and self._arranging is None:
            self._arranging = self._reactor.callLater(0, self._arrange)

    def _arrange(self) -> None:
        self._arranging = None
        waits = waiting(
            (self._candidate(torrent) for torrent in self._registry if torrent.wants_slot),
            self._limit,
        )
        for torrent in self._registry:
            queued = torrent.record.info_hash in waits
            if torrent.queued != queued:
                torrent.queued = queued
                self.changed.notify(torrent)
        self._registry.notify_shares()

    def _candidate(self, torrent: ManagedTorrent) -> QueueEntry:
        idle = self._reactor.seconds() - torrent.active_at
        return QueueEntry(
            torrent.record.options.queue_position,
            torrent.record.added,
            torrent.record.info_hash,
            stalled=not torrent.queued and idle > STALLED,
        )


def waiting(candidates: Iterable[QueueEntry], limit: int) -> set[InfoHash]:
    """
    Choose the downloads that have to wait.

    A stalled one keeps running, because that costs nothing, but takes no slot.

    :param candidates: downloads that could run, in any order.
    :param limit: how many run at the same time, 0 for any number.
    :returns: the info-hashes of those that wait.
    """
    if limit == 0:
        return set()
    left, waits = limit, set()
    for candidate in sorted(candidates):
        if candidate.stalled:
            continue
        if left == 0:
            waits.add(candidate.info_hash)
        left = max(0, left - 1)
    return waits

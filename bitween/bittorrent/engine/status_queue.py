"""Handles the statuses of very many torrents in slices."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine.alerts import TorrentStatus
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import run_in_slices


class StatusQueue:
    """
    Statuses that wait to be handled; of each torrent only the latest counts.

    :ivar handle: called with each status in turn.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, emptied: Callable[[], None]) -> None:
        """:param emptied: called when all waiting statuses are handled."""
        self.handle: Callable[[TorrentStatus], None] = lambda _: None
        self._reactor = reactor
        self._emptied = emptied
        self._waiting: OrderedDict[InfoHash, TorrentStatus] = OrderedDict()
        self._taking: Deferred[None] | None = None

    def add(self, statuses: Iterable[TorrentStatus]) -> None:
        """
        Handle these, at once if they are few.

        :param statuses: each replaces a waiting one of the same torrent.
        """
        self._waiting.update((status.info_hash, status) for status in statuses)
        if self._taking is None:
            self._taking = Deferred.fromCoroutine(run_in_slices(self._reactor, self._steps()))
            self._taking.addCallbacks(self._ended, self._failed)

    def flush(self, info_hash: InfoHash) -> None:
        """Handle the waiting status of a torrent now."""
        status = self._waiting.pop(info_hash, None)
        if status is not None:
            self.handle(status)

    def forget(self, info_hash: InfoHash) -> None:
        """Drop the waiting status of a torrent."""
        self._waiting.pop(info_hash, None)

    def finish(self) -> None:
        """Handle everything that waits now."""
        for _ in self._steps():
            pass

    def close(self) -> None:
        """Drop everything."""
        self._waiting.clear()
        if self._taking is not None:
            self._taking.cancel()

    def _steps(self) -> Iterator[None]:
        while self._waiting:
            _, status = self._waiting.popitem(last=False)
            self.handle(status)
            yield

    def _ended(self, _: None) -> None:
        self._taking = None
        self._emptied()

    def _failed(self, failure: Failure) -> None:
        self._taking = None
        if not failure.check(CancelledError):
            self._log.failure("handling statuses failed", failure)

"""Has libtorrent write to the disk what it holds in memory, and tells when it is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from bitween.bittorrent.engine.session import Session
from bitween.model.torrent import InfoHash


class Flusher:
    """
    Flushes torrents, as often as it is asked to.

    libtorrent counts a piece as soon as its hash fits, up to 0.65 s before the disk has it (300 MB,
    loopback).  Whatever reads the file by then gets other bytes.
    """

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session
        # libtorrent answers in the order in which it was asked.
        self._awaited: dict[InfoHash, deque[Deferred[bool]]] = {}

    def flush(self, info_hash: InfoHash) -> Deferred[bool]:
        """
        Have everything on the disk that libtorrent has of a torrent at this moment.

        :returns: whether it is there; not if the torrent leaves the session before.
        """
        if not self._session().flush(info_hash):
            return succeed(False)
        flushed: Deferred[bool] = Deferred()
        self._awaited.setdefault(info_hash, deque()).append(flushed)
        return flushed

    def take(self, info_hash: InfoHash) -> None:
        """Note that libtorrent has flushed a torrent."""
        awaited = self._awaited.get(info_hash)
        if awaited:
            self._tell(awaited.popleft(), there=True)

    def forget(self, info_hash: InfoHash) -> None:
        """Wait for nothing more of a torrent: it leaves the session, or alerts were lost."""
        for flushed in self._awaited.pop(info_hash, ()):
            self._tell(flushed, there=False)

    def forget_all(self) -> None:
        """The same for all torrents."""
        for info_hash in list(self._awaited):
            self.forget(info_hash)

    @staticmethod
    def _tell(flushed: Deferred[bool], *, there: bool) -> None:
        # Those who gave up waiting have cancelled it.
        if not flushed.called:
            flushed.callback(there)

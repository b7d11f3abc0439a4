"""
Has libtorrent write to the disk what it holds in memory, and tells when that is done.

libtorrent counts a piece as soon as its hash fits, up to 0.65 s before the disk has it (300 MB,
loopback).  Whatever reads the file before then gets other bytes.

libtorrent answers flushes in the order of the requests, but its answers name no request, and it
gives one more, unasked, when a torrent has finished.  That answer may be from before a request that
follows, so each torrent has a queue of expected answers in which unasked ones have a place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from bitween.bittorrent.engine.session import Session
from bitween.model.torrent import InfoHash


class Flusher:
    """Flushes torrents, as often as it is asked to."""

    def __init__(self, session: Callable[[], Session]) -> None:
        """:param session: returns the current session; raises ``SwarmError`` if there is none."""
        self._session = session
        # The requests that wait for an answer; None is an answer that belongs to none of them.
        self._expected: dict[InfoHash, deque[Deferred[bool] | None]] = {}

    def flush(self, info_hash: InfoHash) -> Deferred[bool]:
        """
        Write to the disk everything that libtorrent has of a torrent at this moment.

        :returns: fires with whether it is written: not if the torrent is not in the session, or
            leaves it before.  The Deferred may be cancelled.
        """
        if not self._session().flush(info_hash):
            return succeed(False)
        flushed: Deferred[bool] = Deferred()
        self._expected.setdefault(info_hash, deque()).append(flushed)
        return flushed

    def expect_unasked(self, info_hash: InfoHash) -> None:
        """Expect an answer that nobody asked for: libtorrent has finished a torrent."""
        self._expected.setdefault(info_hash, deque()).appendleft(None)

    def take(self, info_hash: InfoHash) -> None:
        """Take an answer: libtorrent has flushed a torrent."""
        expected = self._expected.get(info_hash)
        if not expected:
            return
        answered = expected.popleft()
        if answered is not None:
            self._answer(answered, written=True)
        elif any(expected) and self._session().flush(info_hash):
            # One more, in case that the unasked answer never comes: the last request would wait
            # forever.
            expected.append(None)
        if not expected:
            self._expected.pop(info_hash, None)

    def forget(self, info_hash: InfoHash) -> None:
        """Expect nothing more of a torrent: it leaves the session, or alerts were lost."""
        for flushed in self._expected.pop(info_hash, ()):
            if flushed is not None:
                self._answer(flushed, written=False)

    def forget_all(self) -> None:
        """Expect nothing more of any torrent."""
        for info_hash in list(self._expected):
            self.forget(info_hash)

    @staticmethod
    def _answer(flushed: Deferred[bool], *, written: bool) -> None:
        # A caller that gave up waiting has cancelled it.
        if not flushed.called:
            flushed.callback(written)

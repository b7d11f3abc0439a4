"""
Holds torrents back whose peers keep sending wrong metadata (BEP 9).

libtorrent compares metadata with the info-hash, and asks again at once if it is wrong: up to 37,000
times a second, for as long as the peer stays.  It does not tell which peer that was.  After some
failures the torrent is therefore halted, which disconnects all its peers, and resumed later; the
delay doubles each time.  While it runs, each peer with the right metadata has a chance to send it.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.model.torrent import InfoHash

#: How often wrong metadata may come until the torrent is held back.
MOST_FAILURES = 5
#: Seconds for which it is held back at first, and at most.
FIRST_DELAY = 1.0
LONGEST_DELAY = 300.0


@dataclass(slots=True)
class _Failures:
    """
    What failed of a torrent.

    :param count: since it was last held back.
    :param delay: seconds for which it is held back the next time.
    """

    count: int = 0
    delay: float = FIRST_DELAY


class MetadataGuard:
    """Counts failures, and holds torrents back."""

    _log = Logger()

    def __init__(self, context: Context, controller: TorrentController) -> None:
        self._reactor = context.reactor
        self._registry = context.registry
        self._controller = controller
        self._failures: dict[InfoHash, _Failures] = {}
        self._resuming: dict[InfoHash, IDelayedCall] = {}

    def take_failure(self, info_hash: InfoHash) -> None:
        """Take note that wrong metadata has come."""
        torrent = self._registry.get(info_hash)
        if torrent is None or torrent.layout is not None or info_hash in self._resuming:
            return
        failures = self._failures.setdefault(info_hash, _Failures())
        failures.count += 1
        if failures.count < MOST_FAILURES:
            return
        self._log.warn(
            "peers send wrong metadata for {info_hash}: disconnected from them for {delay:.0f} s",
            info_hash=info_hash,
            delay=failures.delay,
        )
        torrent.held_back = True
        self._controller.apply(torrent)
        self._resuming[info_hash] = self._reactor.callLater(failures.delay, self._resume, torrent)
        self._failures[info_hash] = _Failures(delay=min(2 * failures.delay, LONGEST_DELAY))

    def stop(self) -> None:
        """Resume nothing any longer: the session closes."""
        for call in self._resuming.values():
            call.cancel()
        self._resuming.clear()

    def _resume(self, torrent: ManagedTorrent) -> None:
        info_hash = torrent.record.info_hash
        del self._resuming[info_hash]
        torrent.held_back = False
        if self._registry.holds(torrent):
            self._controller.apply(torrent)
        else:
            self._failures.pop(info_hash, None)

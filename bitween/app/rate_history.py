"""Remembers how fast everything together was in the last minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentRemoved
from bitween.model.torrent import InfoHash, Progress, Torrent
from bitween.model.traffic import Rates
from bitween.util.observable import Observable

#: Seconds from one sample to the next.
INTERVAL = 1.0
#: How many are kept: five minutes.
SAMPLES = 300


class RateHistory:
    """
    Adds up the rates of those torrents that move.

    What stands still costs nothing, however many torrents there are.

    :ivar interval: seconds from one sample to the next.
    """

    interval = INTERVAL

    def __init__(self, events: Observable[SwarmEvent]) -> None:
        """:param events: tell what happens to torrents."""
        self._moving: dict[InfoHash, Progress] = {}
        self._samples: deque[Rates] = deque(maxlen=SAMPLES)
        events.subscribe(self._swarm_did)

    @property
    def samples(self) -> Sequence[Rates]:
        """Oldest first, :data:`INTERVAL` apart; the last one is from a moment ago."""
        return tuple(self._samples)

    def sample(self) -> None:
        """Take note of the rates of this moment."""
        moving = self._moving.values()
        self._samples.append(
            Rates(
                sum(progress.download_rate for progress in moving),
                sum(progress.upload_rate for progress in moving),
            )
        )

    def _swarm_did(self, event: SwarmEvent) -> None:
        match event:
            case TorrentAdded(torrent=torrent) | TorrentChanged(torrent=torrent):
                self._note(torrent)
            case TorrentRemoved(info_hash=info_hash):
                self._moving.pop(info_hash, None)

    def _note(self, torrent: Torrent) -> None:
        progress = torrent.progress
        if progress.download_rate or progress.upload_rate:
            self._moving[torrent.info_hash] = progress
        else:
            self._moving.pop(torrent.info_hash, None)

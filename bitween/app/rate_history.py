"""The rates of all torrents together in the last minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentRemoved
from bitween.model.torrent import InfoHash, Progress, Torrent
from bitween.model.traffic import Rates
from bitween.util.observable import Observable

#: Seconds from one sample to the next.
INTERVAL = 1.0
#: How many samples are kept: five minutes.
SAMPLES = 300


class RateHistory:
    """
    Samples the sum of the rates of all torrents.

    Only torrents that transfer data are summed up, so that idle ones cost nothing.

    :ivar interval: seconds from one sample to the next.
    """

    interval = INTERVAL

    def __init__(self, events: Observable[SwarmEvent]) -> None:
        """:param events: what happens to our torrents."""
        self._active: dict[InfoHash, Progress] = {}
        self._samples: deque[Rates] = deque(maxlen=SAMPLES)
        events.subscribe(self._swarm_event)

    @property
    def samples(self) -> Sequence[Rates]:
        """The samples, oldest first, :data:`INTERVAL` apart."""
        return tuple(self._samples)

    def sample(self) -> None:
        """Record the rates of this moment."""
        active = self._active.values()
        self._samples.append(
            Rates(
                sum(progress.download_rate for progress in active),
                sum(progress.upload_rate for progress in active),
            )
        )

    def _swarm_event(self, event: SwarmEvent) -> None:
        match event:
            case TorrentAdded(torrent=torrent) | TorrentChanged(torrent=torrent):
                self._update(torrent)
            case TorrentRemoved(info_hash=info_hash):
                self._active.pop(info_hash, None)

    def _update(self, torrent: Torrent) -> None:
        progress = torrent.progress
        if progress.download_rate or progress.upload_rate:
            self._active[torrent.info_hash] = progress
        else:
            self._active.pop(torrent.info_hash, None)

"""The rates of the last minutes."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.rate_history import SAMPLES, RateHistory
from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentRemoved
from bitween.model.torrent import InfoHash, Progress, Torrent, TorrentState
from bitween.model.traffic import Rates
from bitween.util.observable import Observable

TORRENT = Torrent(InfoHash("ab" * 20), "film", "/files", TorrentState.DOWNLOADING)


class RateHistoryTests(SynchronousTestCase):
    """Samples of the sum of all rates."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.events: Observable[SwarmEvent] = Observable()
        self.history = RateHistory(self.events)

    def change(self, down: int, up: int = 0, info_hash: InfoHash = TORRENT.info_hash) -> None:
        """Change the rates of a torrent."""
        progress = Progress(download_rate=down, upload_rate=up)
        torrent = replace(TORRENT, info_hash=info_hash, progress=progress)
        self.events.notify(TorrentChanged(torrent=torrent))

    def test_rates_of_all_torrents_are_summed(self) -> None:
        """Each torrent counts while it transfers data; a removed one no longer does."""
        other = InfoHash("cd" * 20)
        self.events.notify(TorrentAdded(torrent=TORRENT))
        self.history.sample()
        self.change(5, 1)
        self.change(7, 2, other)
        self.history.sample()
        self.change(0)
        self.history.sample()
        self.events.notify(TorrentRemoved(info_hash=other, name="film"))
        self.history.sample()
        expected = [Rates(0, 0), Rates(12, 3), Rates(7, 2), Rates(0, 0)]
        self.assertEqual(list(self.history.samples), expected)

    def test_what_is_long_ago_is_forgotten(self) -> None:
        """Only the last ones are kept."""
        for rate in range(1, SAMPLES + 11):
            self.change(rate)
            self.history.sample()
        rates = [rates.download for rates in self.history.samples]
        self.assertEqual(rates, list(range(11, SAMPLES + 11)))

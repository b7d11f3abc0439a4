"""What the swarm tells of a torrent."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.model.metainfo import bencode
from bitween.model.torrent import InfoHash
from bitween.storage.torrent_record import TorrentRecord
from tests.support.layouts import read_layout

INFO_HASH = InfoHash("ab" * 20)


def status(moved: int, rate: int) -> TorrentStatus:
    """One in which so much has moved in both directions."""
    return TorrentStatus(
        info_hash=INFO_HASH,
        phase=Phase.DOWNLOADING,
        has_metadata=True,
        done=moved,
        wanted=10**9,
        wanted_done=moved,
        download_rate=rate,
        upload_rate=rate,
        downloaded=moved,
        uploaded=moved,
        peers=1,
        error="",
    )


class RateTests(SynchronousTestCase):
    """How fast it is."""

    def rates(self, torrent: ManagedTorrent) -> tuple[int, int]:
        """What is told, down and up; for down, as if something was left."""
        assert torrent.status is not None
        return torrent.status.download_rate, torrent.snapshot.progress.upload_rate

    def test_rates_end_with_the_bytes(self) -> None:
        """Soon after the last byte both are 0, whatever libtorrent's mean is by then."""
        record = TorrentRecord(INFO_HASH, "film", "/downloads", "film", 0.0, False, False, None)
        torrent = ManagedTorrent(record)
        torrent.update_status(status(0, 0), 0.0)
        for second in range(1, 4):
            torrent.update_status(status(second * 1000, 1000), float(second))
            self.assertEqual(self.rates(torrent), (1000, 1000))
        told = set()
        for second in range(4, 60):
            torrent.update_status(status(3000, 1000 - second), float(second))
            told.add(torrent.snapshot)
        self.assertEqual(self.rates(torrent), (0, 0))
        self.assertLess(len(told), 5)
        torrent.update_status(status(3001, 7), 60.0)
        self.assertEqual(self.rates(torrent), (7, 7))


class WantedTests(SynchronousTestCase):
    """What is counted of the files that are wanted."""

    def test_padding_does_not_count_as_a_file(self) -> None:
        """A figure of libtorrent is by its own index, in which padding has a place."""
        files = [
            {"length": 10, "path": ["a"]},
            {"attr": "p", "length": 6, "path": [".pad", "6"]},
            {"length": 16, "path": ["b"]},
        ]
        info: dict[str, Any] = {
            "files": files,
            "name": "film",
            "piece length": 16,
            "pieces": b"x" * 40,
        }
        record = TorrentRecord(INFO_HASH, "film", "/downloads", "film", 0.0, False, False, None)
        torrent = ManagedTorrent(record, layout=read_layout(bencode({"info": info})))
        told = torrent.with_wanted(status(0, 0), [10, 6, 4])
        self.assertEqual((told.wanted, told.wanted_done), (26, 14))

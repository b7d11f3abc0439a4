"""What is to be deleted with a torrent is found out in steps, however many files there are."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import ordering_deletion
from bitween.files.deletion.process import encoding
from bitween.files.deletion.worker import Order, decoded
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.torrent import parse_info_hash
from bitween.storage.torrent_record import TorrentRecord
from bitween.util.cooperate import at_once
from tests.support.layouts import read_layout

FILES = 1000


class OrderingTests(SynchronousTestCase):
    """Two torrents of many files in one folder."""

    def member(self, folder: str, count: int) -> ManagedTorrent:
        """A complete torrent of so many files."""
        files = [HashedFile((f"{number:04}",), 1) for number in range(count)]
        info_hash, torrent_file = make_torrent("root", files, 2**16, b"\0" * 20)
        record = TorrentRecord(
            info_hash=parse_info_hash(info_hash),
            name="root",
            folder=folder,
            root="root",
            added=0.0,
            shared=False,
            complete=True,
            torrent_file=torrent_file,
        )
        return ManagedTorrent(record, layout=read_layout(torrent_file))

    def test_each_step_looks_at_one_file(self) -> None:
        """No step looks at more than one file, of this torrent or another."""
        folder = os.path.abspath(self.mktemp())
        one, other = self.member(folder, FILES), self.member(folder, FILES // 2)
        steps = ordering_deletion(one, [one, other], (), erase=True)
        self.assertGreaterEqual(sum(1 for _ in steps), FILES + FILES // 2)
        order = at_once(ordering_deletion(one, [one, other], (), erase=True))
        self.assertEqual((len(order.files), len(order.others)), (FILES, FILES // 2))

    def test_an_order_survives_encoding(self) -> None:
        """An order is written in steps as well; its names come through whatever they hold."""
        files = tuple((f"root/\n\u00fc{number}", number, True) for number in range(FILES))
        others = tuple(f"/{number}" for number in range(FILES))
        order = Order("/folder", "root", files, "part", others, "stamp", complete=True, erase=False)
        self.assertGreaterEqual(sum(1 for _ in encoding(order)), 2 * FILES)
        self.assertEqual(decoded(at_once(encoding(order)).decode().splitlines()), order)

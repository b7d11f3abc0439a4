"""Hashing files, without the process around it."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from types import SimpleNamespace
from typing import Any

from bitween.errors import BadPath, HashingFailed, UnreadablePath
from bitween.files.hashing import worker
from bitween.files.hashing.worker import hash_path
from bitween.model import metainfo
from bitween.model.metainfo import MAX_METADATA, HashedFile, make_torrent, piece_size_for
from tests.support.folder_case import FolderCase, as_nobody
from tests.support.layouts import read_layout


def hashed(path: str, report: Any = lambda *_: None) -> dict[str, Any]:
    """Hash a path."""
    return hash_path(path, report)


class HashingTests(FolderCase):
    """What hashing gives."""

    def test_it_is_what_libtorrent_reads(self) -> None:
        """The torrent has the files with their sizes, and its info-hash is the one told."""
        self.write("b", b"b" * 100_000)
        self.write("sub/ü", b"")
        self.write("a", b"a")
        result = hashed(self.folder)
        layout = read_layout(base64.b64decode(result["torrent_file"]))
        self.assertEqual(
            [(file.path, file.size) for file in layout.files],
            [("folder/a", 1), ("folder/b", 100_000), ("folder/sub/ü", 0)],
        )
        self.assertEqual(layout.total_size, result["total_size"])

    def test_pieces_run_over_files(self) -> None:
        """The piece hashes are those of all content in one row."""
        parts = [os.urandom(70_000), os.urandom(1), os.urandom(200_000)]
        for number, part in enumerate(parts):
            self.write(str(number), part)
        torrent = base64.b64decode(hashed(self.folder)["torrent_file"])
        content, size = b"".join(parts), piece_size_for(270_001)
        for start in range(0, len(content), size):
            self.assertIn(hashlib.sha1(content[start : start + size]).digest(), torrent)

    def test_progress_is_reported_ten_times_a_second_at_most(self) -> None:
        """A block that ends less than 0.1 s after the last report is not reported."""
        seconds = iter(range(1000))
        self.patch(worker, "time", SimpleNamespace(monotonic=lambda: next(seconds) * 0.04))
        size = worker.BLOCK
        path = self.write("large", b"")
        os.truncate(path, 10 * size)
        told: list[int] = []
        hashed(path, lambda done, _: told.append(done))
        self.assertEqual(told, [0, *(blocks * size for blocks in (3, 6, 9))])

    def test_large_content_in_blocks(self) -> None:
        """Content of many blocks, hashed by several threads, gives the hashes in order."""
        content = os.urandom(1_000_003) * 33
        path = self.write("large", content)
        told: list[tuple[int, int]] = []
        torrent = base64.b64decode(hashed(path, lambda *now: told.append(now))["torrent_file"])
        size = piece_size_for(len(content))
        pieces = b"".join(
            hashlib.sha1(content[start : start + size]).digest()
            for start in range(0, len(content), size)
        )
        self.assertIn(pieces, torrent)
        self.assertEqual(told[0], (0, len(content)))

    def test_the_same_content_gives_the_same_hash(self) -> None:
        """Neither time nor place goes into the info-hash."""
        path = self.write("file", b"x" * 1000)
        first = hashed(path)
        os.utime(path, (1, 1))
        self.assertEqual(hashed(path), first)

    def test_a_file_that_changes(self) -> None:
        """A file that grows, shrinks or is touched while it is hashed is an error that names it."""
        path = self.write("file", b"x" * 9_000_000)
        for change in (
            lambda: os.truncate(path, 9_000_001),
            lambda: os.truncate(path, 100),
            lambda: os.utime(path, (1, 1)),
            lambda: os.unlink(path),
        ):
            self.write("file", b"x" * 9_000_000)
            with self.assertRaises(HashingFailed) as raised:
                hashed(path, lambda *_, change=change: change())
            self.assertIn("file", raised.exception.message)

    def test_a_file_that_may_not_be_read(self) -> None:
        """It is an error that names it."""
        # Below the trial's own folder nobody else may look.
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        path = self.write("sub/file")
        os.chmod(path, 0)
        with as_nobody(), self.assertRaises(UnreadablePath) as raised:
            hashed(path)
        self.assertIn(path, raised.exception.message)

    def test_too_many_files(self) -> None:
        """What gives more metadata than others take is refused."""
        files = [HashedFile((f"{number:0200}",), 1) for number in range(MAX_METADATA // 200)]
        with self.assertRaises(BadPath):
            make_torrent("many", files, 2**20, b"")

    def test_too_much_is_told_before_it_is_read(self) -> None:
        """With what is too much of it: others would not take it."""
        for number in range(3):
            self.write(f"{number}/x", b"x")
        read: list[tuple[int, int]] = []
        for limit, most, word in (
            ("MAX_FILES", 2, "2 files"),
            ("MAX_FOLDERS", 2, "2 folders"),
            ("MAX_DEPTH", 0, "0 folders one in another"),
            ("MAX_METADATA", 100, "0 MiB"),
        ):
            patched = self.patch(metainfo, limit, most)
            with self.assertRaises(BadPath) as raised:
                hashed(self.folder, lambda *told: read.append(told))
            self.assertIn(f"more than {word}", raised.exception.message)
            patched.restore()
        self.assertEqual(read, [])

    def test_piece_sizes_are_bounded_powers_of_two(self) -> None:
        """Pieces are powers of two; there are neither too many nor too small ones."""
        sizes = [piece_size_for(total) for total in (1, 2**27, 2**30, 2**33, 2**40)]
        self.assertEqual(sizes, [2**16, 2**16, 2**19, 2**22, 2**24])

    def test_it_starts_without_twisted(self) -> None:
        """The child imports neither Twisted nor libtorrent, which would take it long."""
        code = (
            "import sys, bitween.files.hashing.worker\n"
            "print([m for m in ('twisted', 'libtorrent') if m in sys.modules])"
        )
        env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        said = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True
        )
        self.assertEqual(said.stdout, "[]\n")

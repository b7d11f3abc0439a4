"""Listing and hashing files, without the process around it."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.hashing_worker import hash_path, list_files
from bitween.bittorrent.layout import read_layout
from bitween.bittorrent.metainfo import MAX_METADATA, HashedFile, make_torrent, piece_size_for
from bitween.errors import BadPath, EmptyFolder, HashingFailed, UnreadablePath


def hashed(path: str, report: Any = lambda *_: None) -> dict[str, Any]:
    """Hash a path."""
    return hash_path(path, report)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without a superuser's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class FolderCase(SynchronousTestCase):
    """Has a folder to put files into."""

    def setUp(self) -> None:
        """Make it."""
        self.above = os.path.abspath(self.mktemp())
        self.folder = os.path.join(self.above, "folder")
        os.makedirs(self.folder)

    def write(self, name: str, content: bytes = b"content") -> str:
        """Write a file in the folder."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path


class ListingTests(FolderCase):
    """Which files are shared."""

    def names(self) -> list[str]:
        """What is listed, by name."""
        return ["/".join(file.parts) for file in list_files(self.folder)]

    def test_the_order_depends_on_names_only(self) -> None:
        """Files come sorted by their names, folder by folder."""
        for name in ("b", "a/z", "a/a", "a.b", "ä"):
            self.write(name)
        self.assertEqual(self.names(), ["a/a", "a/z", "a.b", "b", "ä"])

    def test_links(self) -> None:
        """Folders behind links and files outside are left out; a link to a file inside counts."""
        self.write("real")
        self.write("sub/deep")
        outside = os.path.join(self.above, "outside")
        with open(outside, "wb") as file:
            file.write(b"secret")
        for name, target in (
            ("inside", "real"),
            ("out", outside),
            ("loop", "loop"),
            ("dangling", "nowhere"),
            ("folder", "sub"),
            ("root", "/"),
        ):
            os.symlink(target, os.path.join(self.folder, name))
        self.assertEqual(self.names(), ["inside", "real", "sub/deep"])

    def test_what_is_no_file(self) -> None:
        """Pipes and the like are left out, and cannot be shared themselves."""
        self.write("real")
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        self.assertEqual(self.names(), ["real"])
        with self.assertRaises(BadPath):
            list_files(pipe)

    def test_nothing_to_share(self) -> None:
        """A folder without a byte in it, and an empty file, are refused by name."""
        for prepare in (lambda: None, lambda: self.write("a/empty", b"")):
            prepare()
            with self.assertRaises(EmptyFolder) as raised:
                list_files(self.folder)
            self.assertIn(self.folder, raised.exception.message)
        with self.assertRaises(BadPath):
            list_files(os.path.join(self.folder, "a", "empty"))

    def test_the_root_has_no_name(self) -> None:
        """The root of all files is refused."""
        with self.assertRaises(BadPath):
            list_files("/")

    def test_names_that_are_no_text(self) -> None:
        """A name deep inside that is no UTF-8 is an error that shows it."""
        self.write("sub/fine")
        with open(os.path.join(os.fsencode(self.folder), b"sub", b"bad\xff"), "wb") as file:
            file.write(b"x")
        with self.assertRaises(BadPath) as raised:
            list_files(self.folder)
        self.assertIn("bad\\udcff", raised.exception.message)

    def test_what_may_not_be_read(self) -> None:
        """A file or folder deep inside that may not be read is an error that names it."""
        # Below the trial's own folder nobody else may look.
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        file, folder = self.write("sub/file"), os.path.dirname(self.write("closed/file"))
        os.chmod(folder, 0)
        self.addCleanup(os.chmod, folder, 0o700)
        with as_nobody(), self.assertRaises(UnreadablePath) as raised:
            hashed(self.folder)
        self.assertIn(folder, raised.exception.message)
        os.chmod(folder, 0o755)
        os.chmod(file, 0)
        with as_nobody(), self.assertRaises(UnreadablePath) as raised:
            hashed(self.folder)
        self.assertIn(file, raised.exception.message)


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

    def test_too_many_files(self) -> None:
        """What gives more metadata than others take is refused."""
        files = [HashedFile((f"{number:0200}",), 1) for number in range(MAX_METADATA // 200)]
        with self.assertRaises(BadPath):
            make_torrent("many", files, 2**20, b"")

    def test_piece_sizes(self) -> None:
        """Pieces are powers of two; there are neither too many nor too small ones."""
        sizes = [piece_size_for(total) for total in (1, 2**27, 2**30, 2**33, 2**40)]
        self.assertEqual(sizes, [2**16, 2**16, 2**19, 2**22, 2**24])

    def test_it_starts_without_twisted(self) -> None:
        """The child imports neither Twisted nor libtorrent, which would take it long."""
        code = (
            "import sys, bitween.bittorrent.hashing_worker\n"
            "print([m for m in ('twisted', 'libtorrent') if m in sys.modules])"
        )
        env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        said = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True
        )
        self.assertEqual(said.stdout, "[]\n")

"""Which pieces of a torrent are zeros, and how files are made of them."""

from __future__ import annotations

import base64
import os
import random

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.files import holes
from bitween.bittorrent.files.holes import (
    NO_ZEROS,
    Zeros,
    finding_zeros,
    making_holes,
    stores_holes,
)
from bitween.bittorrent.files.layout import Layout
from bitween.files.hashing.worker import hash_path
from bitween.util.cooperate import at_once
from tests.support.layouts import read_layout

PIECE = 64 * 2**10


class HolesTests(SynchronousTestCase):
    """A folder of files with zeros here and there."""

    def setUp(self) -> None:
        """Make the places."""
        self.folder, self.target = self.mktemp(), os.path.abspath(self.mktemp())
        os.makedirs(self.folder)
        os.makedirs(self.target)

    def hashed(self, *contents: bytes) -> tuple[bytes, Layout]:
        """The metadata of files with these contents."""
        for number, content in enumerate(contents):
            with open(os.path.join(self.folder, f"{number:03}"), "wb") as file:
                file.write(content)
        made = hash_path(self.folder, lambda *_: None)
        torrent_file = base64.b64decode(str(made["torrent_file"]))
        return torrent_file, read_layout(torrent_file, "root")

    def zeros(self, *contents: bytes) -> Zeros:
        """What is found in them."""
        return at_once(finding_zeros(*self.hashed(*contents), self.target))

    def test_what_is_found(self) -> None:
        """Exactly those pieces that are zeros, and lie within one file."""
        choose = random.Random(12)
        parts = [b"x" * 9, bytes(PIECE), bytes(3 * PIECE), os.urandom(PIECE), bytes(100), b""]
        for _ in range(20):
            contents = [b"".join(choose.choices(parts, k=4)) for _ in range(5)]
            whole, begin = b"".join(contents), 0
            expected: dict[int, list[int]] = {}
            sizes: dict[int, int] = {}
            for number, content in enumerate(contents):
                end = begin + len(content)
                for piece in range(-(-begin // PIECE), -(-len(whole) // PIECE)):
                    start, stop = piece * PIECE, min((piece + 1) * PIECE, len(whole))
                    if stop <= end and not any(whole[start:stop]):
                        expected.setdefault(number, []).append(piece)
                        sizes[number] = sizes.get(number, 0) + stop - start
                begin = end
            if not whole:
                continue
            found = self.zeros(*contents)
            pieces = {n: [p for run in runs for p in run] for n, runs in found.runs.items()}
            self.assertEqual((pieces, found.sizes), (expected, sizes))

    def test_remembered_holes_are_bounded(self) -> None:
        """However many there are, only so many files and runs are remembered."""
        contents = [bytes(count * PIECE) + bytes([count]) * PIECE for count in range(1, 6)]
        self.patch(holes, "_MOST_FILES", 2)
        self.assertEqual(self.zeros(*contents).sizes, {4: 5 * PIECE, 3: 4 * PIECE})
        self.patch(holes, "_MOST_RUNS", 1)
        self.assertEqual(self.zeros(*contents).sizes, {0: PIECE})

    def test_a_disk_that_stores_none(self) -> None:
        """Nothing is found for it, nor where nothing can be written."""
        self.assertTrue(stores_holes(self.target))
        self.assertFalse(stores_holes(os.path.join(self.target, "missing")))
        os.rmdir(self.target)
        self.assertEqual(self.zeros(bytes(PIECE)), NO_ZEROS)

    def test_files_that_are_there(self) -> None:
        """They are left alone, links too, and so is what is left out."""
        torrent_file, layout = self.hashed(*[bytes(PIECE)] * 4)
        zeros = at_once(finding_zeros(torrent_file, layout, self.target))
        os.makedirs(os.path.join(self.target, "root"))
        paths = [os.path.join(self.target, "root", f"{number:03}") for number in range(4)]
        with open(paths[0], "wb") as file:
            file.write(b"precious")
        os.symlink("elsewhere", paths[1])
        there = at_once(making_holes(self.target, layout, zeros, {2}))
        self.assertEqual(there, (range(3, 4),))
        with open(paths[0], "rb") as file:
            self.assertEqual(file.read(), b"precious")
        self.assertEqual(sorted(os.listdir(os.path.dirname(paths[0]))), ["000", "001", "003"])
        self.assertEqual(os.listdir(self.target), ["root"])
        self.assertEqual(os.stat(paths[3]).st_size, PIECE)

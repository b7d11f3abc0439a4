"""Names and places of a torrent's files."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.layout import free_root, leads_elsewhere, read_layout
from bitween.bittorrent.metainfo import HashedFile, make_torrent
from bitween.errors import SwarmError
from bitween.model.torrent import FileEntry


def torrent(name: str, *paths: str) -> bytes:
    """A torrent of files of one byte each; of one file if no path is given."""
    files = [HashedFile(tuple(path.split("/")), 1) for path in paths] or [HashedFile((), 1)]
    return make_torrent(name, files, 2**16, b"\0" * 20)[1]


class LayoutTests(SynchronousTestCase):
    """Reading metadata."""

    def paths(
        self, torrent_file: bytes, root: str | None = None, verbatim: bool = False
    ) -> list[str]:
        """The paths in a layout."""
        return [file.path for file in read_layout(torrent_file, root, verbatim).files]

    def test_a_folder(self) -> None:
        """Paths begin with the root."""
        layout = read_layout(torrent("holiday", "a", "b/c"))
        self.assertEqual((layout.name, layout.root, layout.total_size), ("holiday", "holiday", 2))
        self.assertEqual([file.path for file in layout.files], ["holiday/a", "holiday/b/c"])
        self.assertEqual(dict(layout.renamed), {})

    def test_another_root(self) -> None:
        """Every file moves along when the root has another name; the name to show stays."""
        layout = read_layout(torrent("holiday", "a", "b/c"), "holiday (2)")
        self.assertEqual(layout.name, "holiday")
        self.assertEqual(dict(layout.renamed), {0: "holiday (2)/a", 1: "holiday (2)/b/c"})
        self.assertEqual(self.paths(torrent("film.mkv"), "film (2).mkv"), ["film (2).mkv"])

    def test_verbatim(self) -> None:
        """Our own names are taken as they stand, others are mended."""
        made = torrent("odd", "a\\b", "line\nbreak")
        self.assertEqual(self.paths(made, verbatim=True), ["odd/a\\b", "odd/line\nbreak"])
        self.assertEqual(self.paths(made), ["odd/ab", "odd/line_break"])

    def test_nonsense(self) -> None:
        """What is no metadata is an error."""
        for nonsense in (b"", b"nonsense", b"de", b"d4:infodee"):
            with self.assertRaises(SwarmError):
                read_layout(nonsense)


class FreeRootTests(SynchronousTestCase):
    """Choosing another name."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)

    def test_numbers(self) -> None:
        """The first number that is free is taken, before the extension."""
        os.mkdir(os.path.join(self.folder, "film (2).mkv"))
        os.symlink("nowhere", os.path.join(self.folder, "film (3).mkv"))
        self.assertEqual(free_root(self.folder, "film.mkv", {"film (4).mkv"}), "film (5).mkv")
        self.assertEqual(free_root(self.folder, "holiday", set()), "holiday (2)")

    def test_long_names(self) -> None:
        """A name that would become too long for a disk is shortened, between characters."""
        chosen = free_root(self.folder, "ü" * 127 + "x", set())
        self.assertLessEqual(len(chosen.encode()), 255)
        self.assertTrue(chosen.endswith("ü (2)"))


class DiskTests(SynchronousTestCase):
    """Comparing with what lies there."""

    def setUp(self) -> None:
        """Make a folder with a file of three bytes."""
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.folder, "a", "b"))
        with open(os.path.join(self.folder, "a", "b", "c"), "wb") as file:
            file.write(b"123")

    def test_links(self) -> None:
        """A link anywhere on the way is noticed, one beside the way is not."""
        os.symlink("b", os.path.join(self.folder, "a", "link"))
        self.assertFalse(leads_elsewhere(self.folder, [FileEntry("a/b/c", 3)]))
        self.assertTrue(leads_elsewhere(self.folder, [FileEntry("a/link/c", 3)]))
        self.assertTrue(leads_elsewhere(self.folder, [FileEntry("a/link", 3)]))

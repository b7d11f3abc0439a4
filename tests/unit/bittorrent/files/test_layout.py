"""Names and places of a torrent's files."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.files.layout import finding_links, free_root
from bitween.bittorrent.files.naming import choosing_paths
from bitween.errors import SwarmError
from bitween.model.metainfo import HashedFile, bencode, make_torrent
from bitween.model.metainfo import torrent_file as wrapped
from bitween.model.naming import Naming
from bitween.model.torrent import FileEntry
from bitween.util.cooperate import at_once
from tests.support.layouts import read_layout, rerooted


def torrent(name: str, *paths: str) -> bytes:
    """A torrent of files of one byte each; of one file if no path is given."""
    files = [HashedFile(tuple(path.split("/")), 1) for path in paths] or [HashedFile((), 1)]
    return make_torrent(name, files, 2**16, b"\0" * 20)[1]


def by_hand(*files: dict[str, Any]) -> bytes:
    """Metadata of a folder with these entries."""
    info: dict[str, Any] = {
        "name": b"odd",
        "files": files,
        "piece length": 2**16,
        "pieces": b"\0" * 20,
    }
    return wrapped(bencode(info))


class LayoutTests(SynchronousTestCase):
    """Reading metadata."""

    def paths(
        self, torrent_file: bytes, root: str | None = None, naming: Naming = Naming.EXACT
    ) -> list[str]:
        """The paths in a layout."""
        return [file.path for file in read_layout(torrent_file, root, naming).files]

    def test_paths_begin_with_the_root(self) -> None:
        """Paths begin with the root."""
        layout = read_layout(torrent("holiday", "a", "b/c"))
        self.assertEqual((layout.name, layout.root, layout.total_size), ("holiday", "holiday", 2))
        self.assertEqual([file.path for file in layout.files], ["holiday/a", "holiday/b/c"])
        self.assertEqual(layout.paths, ("holiday/a", "holiday/b/c"))
        self.assertTrue(layout.by_default)

    def test_a_new_root_moves_every_file(self) -> None:
        """Every file moves along when the root has another name; the name to show stays."""
        layout = read_layout(torrent("holiday", "a", "b/c"), "holiday (2)")
        self.assertEqual(layout.name, "holiday")
        self.assertEqual(layout.paths, ("holiday (2)/a", "holiday (2)/b/c"))
        self.assertFalse(layout.by_default)
        self.assertEqual(self.paths(torrent("film.mkv"), "film (2).mkv"), ["film (2).mkv"])
        for made, root in ((torrent("holiday", "a", "b/c"), "x"), (torrent("film"), "film (2)")):
            self.assertEqual(rerooted(read_layout(made), root), read_layout(made, root))

    def test_another_root_in_steps(self) -> None:
        """Many files are renamed some at a time, so that the reactor runs in between."""
        layout = read_layout(torrent("holiday", *(f"{number}" for number in range(1000))))
        self.assertGreaterEqual(sum(1 for _ in layout.rerooting("other")), 2 * 1000 // 16)

    def test_own_names_stay_and_misleading_ones_are_replaced(self) -> None:
        """Our own names are taken as they stand; of others, what misleads is replaced."""
        made = torrent("odd", "a\\b", "line\nbreak")
        verbatim = self.paths(made, naming=Naming.VERBATIM)
        self.assertEqual(verbatim, ["odd/a\\b", "odd/line\nbreak"])
        self.assertEqual(self.paths(made), ["odd/a\\b", "odd/line_break"])
        files = read_layout(made).files
        self.assertEqual([file.original for file in files], ["", "line\nbreak"])

    def test_names_that_differ_little(self) -> None:
        """What this disk tells apart keeps its name; what another disk does not gets a number."""
        names = ["README", "readme", "\u00fc", "u\u0308", "dot.", "dot"]
        made = torrent("odd", *names, "Docs/a", "docs/A")
        self.assertEqual(self.paths(made), [f"odd/{n}" for n in [*names, "Docs/a", "docs/A"]])
        self.assertEqual(
            self.paths(made, naming=Naming.PORTABLE),
            [
                *("odd/README", "odd/readme (2)", "odd/\u00fc", "odd/u\u0308 (2)"),
                *("odd/dot_", "odd/dot", "odd/Docs/a", "odd/docs/A (2)"),
            ],
        )

    def test_as_bitween_0_1_did(self) -> None:
        """Downloads from before keep the names under which they lie on the disk."""
        made = torrent("odd", "README", "readme", "a\\b", "\u202ex", "e" * 255)
        self.assertEqual(
            self.paths(made, naming=Naming.LIBTORRENT),
            ["odd/README", "odd/readme.1", "odd/ab", "odd/x", "odd/" + "e" * 240],
        )

    def test_names_are_at_most_255_bytes(self) -> None:
        """A name of 255 bytes stays whole; with a number it is no longer than that."""
        long = "\u00fc" * 127 + "x"
        made = torrent("odd", long, f"{long}/below", "." + "y" * 254, "." + "y" * 255)
        paths = self.paths(made)
        self.assertEqual(paths[1], f"odd/{long}/below")
        self.assertEqual(paths[2], "odd/." + "y" * 254)
        self.assertEqual(len(set(paths)), 4)
        for path in paths:
            self.assertLessEqual(max(len(part.encode()) for part in path.split("/")), 255)

    def test_the_utf8_name_counts(self) -> None:
        """Where other programs give a name in two encodings, the one in UTF-8 counts."""
        file = {"length": 1, "path": [b"\xfc"], "path.utf-8": ["\u00fc".encode()]}
        self.assertEqual(self.paths(by_hand(file)), ["odd/\u00fc"])

    def test_files_without_a_path(self) -> None:
        """Such a file does not lie beside its folder."""
        for path in ([], [b""], [b"", b""]):
            files = [{"length": 1, "path": [b"a"]}, {"length": 1, "path": path}]
            try:
                paths = self.paths(by_hand(*files))
            except SwarmError:
                continue
            self.assertEqual({path.split("/")[0] for path in paths}, {"odd"})

    def test_malformed_metadata_is_an_error(self) -> None:
        """What is no metadata is an error."""
        for nonsense in (b"", b"nonsense", b"de", b"d4:infodee"):
            with self.assertRaises(SwarmError):
                read_layout(nonsense)


class SafePathsTests(SynchronousTestCase):
    """Which paths stay as they are, whatever a stranger has put into them."""

    @given(st.lists(st.text("aB.  -_/\\:*?\0\n\u202e\u00fc" + "x" * 9, max_size=150), min_size=1))
    def test_every_disk_takes_them(self, parts: list[str]) -> None:
        """What is chosen for a disk that takes little is safe there, and stays if it was."""
        path = "/".join(parts)
        (chosen,) = at_once(choosing_paths([path], Naming.PORTABLE))
        self.assertFalse(chosen.startswith("."))
        for name in chosen.split("/"):
            self.assertTrue(0 < len(name.encode()) <= 140, name)
            self.assertTrue(name.isprintable(), name)
            self.assertNotIn(name[-1], ". ")
            self.assertFalse(set(name) & set('\\:*?"<>|'), name)
        again = at_once(choosing_paths([chosen], Naming.PORTABLE))
        self.assertEqual(again, [chosen])
        self.assertEqual(at_once(choosing_paths([chosen], Naming.EXACT)), [chosen])


class FreeRootTests(SynchronousTestCase):
    """Choosing another name."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)

    def test_the_first_free_number_is_taken(self) -> None:
        """The first number that is free is taken, before the extension."""
        os.mkdir(os.path.join(self.folder, "film (2).mkv"))
        os.symlink("nowhere", os.path.join(self.folder, "film (3).mkv"))
        self.assertEqual(free_root(self.folder, "film.mkv", {"film (4).mkv"}), "film (5).mkv")
        self.assertEqual(free_root(self.folder, "holiday", set()), "holiday (2)")

    def test_too_long_names_are_shortened(self) -> None:
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

    def test_links_on_the_path_are_noticed(self) -> None:
        """A link anywhere on the way is noticed, one beside the way is not."""
        os.symlink("b", os.path.join(self.folder, "a", "link"))
        self.assertFalse(at_once(finding_links(self.folder, [FileEntry("a/b/c", 3)])))
        self.assertTrue(at_once(finding_links(self.folder, [FileEntry("a/link/c", 3)])))
        self.assertTrue(at_once(finding_links(self.folder, [FileEntry("a/link", 3)])))
        files = [FileEntry(f"a/{number}", 3) for number in range(100)]
        self.assertGreaterEqual(sum(1 for _ in finding_links(self.folder, files)), len(files))

"""Measuring metadata before anything is built of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine import metadata_scan
from bitween.bittorrent.engine.metadata_scan import Extent, scanning
from bitween.errors import BadPath, SwarmError
from bitween.model import metainfo
from bitween.model.metainfo import HashedFile, bencode, info_section, make_torrent
from bitween.util.cooperate import at_once

_NAMES = st.binary(min_size=1, max_size=12)
_PATHS = st.lists(st.lists(_NAMES, min_size=1, max_size=5), min_size=1, max_size=20)
_VALUES = st.recursive(
    st.integers(-9, 9) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abc"), inner, max_size=3),
)


def extent(info: dict[str, Any], *, bounded: bool = True) -> Extent:
    """What is measured of an info dictionary."""
    return at_once(scanning(bencode({"name": b"n", **info}), bounded=bounded))


def entries(*paths: list[bytes], length: int = 1, **more: Any) -> list[dict[str, Any]]:
    """Files of an info dictionary."""
    return [{"length": length, "path": path, **more} for path in paths]


class ScanTests(SynchronousTestCase):
    """Info dictionaries, sound and not."""

    def refuses(self, words: str, info: dict[str, Any]) -> None:
        """It is too much."""
        with self.assertRaises(SwarmError) as caught:
            extent(info)
        self.assertIn(words, str(caught.exception))
        extent(info, bounded=False)

    @given(_PATHS, _VALUES)
    def test_files_folders_bytes_and_paths_are_counted(
        self, paths: list[list[bytes]], more: object
    ) -> None:
        """Files, distinct folders, bytes and paths are counted, whatever stands beside them."""
        found = extent({"files": entries(*paths, length=7, more=more), "another": more})
        folders = {tuple(path[:depth]) for path in paths for depth in range(1, len(path))}
        self.assertEqual(
            (found.files, found.folders, found.size), (len(paths), len(folders), 7 * len(paths))
        )
        joined = [b"/".join(name.replace(b"/", b"\0") for name in path) for path in paths]
        expected = [b"n/" + path for path in joined]
        self.assertEqual([p.encode(errors="surrogateescape") for p in found.paths or ()], expected)

    def test_a_single_file_torrent_is_counted(self) -> None:
        """A torrent may be a file."""
        self.assertEqual(extent({"length": 5}), Extent(1, 0, 5, ["n"]))

    def test_a_version_2_tree_is_counted(self) -> None:
        """The tree of BEP 52 is measured, too; its paths only libtorrent knows."""
        leaf = {"": {"length": 3}}
        found = extent({"file tree": {"a": leaf, "b": {"c": leaf, "d": {"e": leaf}}}})
        self.assertEqual(found, Extent(3, 2, 9, None))

    def test_every_dimension_is_bounded(self) -> None:
        """Each dimension has one, in both versions."""
        deep = [b"d"] * (metainfo.MAX_DEPTH + 1)
        extent({"files": entries([*deep[1:], b"f"])})
        self.refuses("folders one in another", {"files": entries([*deep, b"f"])})
        self.refuses("longer than any disk takes", {"files": entries([b"x" * 250] * 13)})
        tree: dict[str, Any] = {"": {"length": 1}}
        for _ in range(metainfo.MAX_DEPTH + 2):
            tree = {"d": tree}
        self.refuses("folders one in another", {"file tree": tree})
        for name, words in (
            ("MAX_FILES", "files"),
            ("MAX_FOLDERS", "folders"),
            ("MAX_PROGRAMS", "programs"),
        ):
            patched = self.patch(metadata_scan, name, 3)
            paths = [[b"%d" % number, b"f"] for number in range(4)]
            extent({"files": entries(*paths[:3], attr=b"x")})
            self.refuses(f"more than 3 {words}", {"files": entries(*paths, attr=b"x")})
            patched.restore()

    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_any_input_is_counted_or_refused(self, noise: bytes, cut: int) -> None:
        """Whatever comes is measured or refused."""
        sound = bencode({"name": b"n", "files": entries([b"a", b"b"], [b"c"])})
        for data in (noise, sound[: cut % len(sound)], sound[:cut] + noise + sound[cut:]):
            try:
                at_once(scanning(data, bounded=True))
            except SwarmError:
                continue

    def test_each_step_does_a_bounded_part(self) -> None:
        """No step takes more than a bounded part of the whole."""
        info = bencode({"files": entries(*[[b"%d" % n] for n in range(900)]), "x": [0] * 9000})
        self.assertGreater(sum(1 for _ in scanning(info, bounded=True)), 900 + 9000 // 1000)

    def test_what_is_made_here(self) -> None:
        """Nothing is shared that contacts would refuse."""
        deep = HashedFile(("d",) * (metainfo.MAX_DEPTH + 1) + ("f",), 1)
        with self.assertRaises(BadPath):
            make_torrent("n", [deep], 2**16, b"")
        _, made = make_torrent("n", [HashedFile(deep.parts[1:], 1)], 2**16, b"")
        self.assertEqual(at_once(scanning(info_section(made), bounded=True)).files, 1)

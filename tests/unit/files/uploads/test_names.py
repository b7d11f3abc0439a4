"""Names of what is uploaded: they are only ever names."""

from __future__ import annotations

import itertools
import os
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.files.uploads.names import MAX_DEPTH, candidates, read_path, safe_root
from bitween.model.text import printable

ANYTHING = st.text(st.characters(codec="utf-8"), max_size=400)


class NameTests(SynchronousTestCase):
    """Whatever a client sends."""

    @given(ANYTHING)
    def test_paths_stay_below_the_folder(self, path: str) -> None:
        """A path is refused, or leads to a place below the folder, under harmless names."""
        try:
            parts = read_path(path)
        except InvalidValue:
            return
        below = os.path.normpath(os.path.join("/folder", *parts))
        self.assertEqual(below, "/".join(["/folder", *parts]))
        for part in parts:
            self.assertEqual(part, printable(part, len(part)))
            self.assertLessEqual(len(part.encode()), 255)

    @given(st.lists(st.text("ab\u20ac (,.)%+#?&=-", max_size=40), min_size=1, max_size=5))
    def test_harmless_names_stay(self, ends: list[str]) -> None:
        """What any disk takes is taken as it is."""
        names = [f"{end}x" for end in ends]
        self.assertEqual(read_path("/".join(map(quote, names))), tuple(names))

    def test_odd_names_stay(self) -> None:
        """What this disk takes stays, though others would not take it."""
        for name in ("back\\slash", "..\\..\\up", " ", "dot.", "a:b", "\ufffd"):
            self.assertEqual(read_path(quote(name)), (name,))

    @given(ANYTHING)
    def test_roots_are_seen(self, name: str) -> None:
        """An upload is neither hidden nor named like one of bitween's hidden folders."""
        try:
            self.assertFalse(safe_root(name).startswith("."))
        except InvalidValue:
            return

    @given(st.text("a\u20ac.", min_size=1, max_size=80))
    def test_alternative_names_differ_and_keep_the_extension(self, name: str) -> None:
        """They differ, keep their extension and are not too long."""
        some = list(itertools.islice(candidates(name), 12))
        self.assertEqual(some[0], name)
        self.assertEqual(len(set(some)), len(some))
        self.assertTrue(all(len(each.encode()) <= 255 for each in some[1:]))

    def test_too_deep_or_long_paths_are_refused(self) -> None:
        """So many folders, and such long paths, are refused."""
        for path in ("a/" * MAX_DEPTH + "a", "/".join(["a" * 200] * 20)):
            with self.assertRaises(InvalidValue):
                read_path(path)

"""Text from strangers."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.text import printable, safe_name


class TextTests(SynchronousTestCase):
    """What :func:`printable` and :func:`safe_name` promise."""

    @given(st.text())
    def test_nothing_unprintable_is_left(self, text: str) -> None:
        """No control character, bidirectional override or lone surrogate comes through."""
        shown = printable(text)
        categories = {unicodedata.category(c) for c in shown if c not in "\u200c\u200d"}
        self.assertFalse(categories & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
        self.assertLessEqual(len(shown), 255)

    @given(st.text())
    def test_a_name_is_never_a_path(self, text: str) -> None:
        """A safe name is not empty, has no separator and is no ``.`` or ``..``."""
        name = safe_name(text)
        self.assertTrue(name)
        self.assertNotIn("/", name)
        self.assertNotIn("\\", name)
        self.assertNotIn(name, {".", ".."})

    def test_ordinary_names_stay_as_they_are(self) -> None:
        """Spaces, dots, umlauts and other scripts are no offence."""
        for name in ("holiday photos.tar.gz", "Übergrößen.txt", "写真", ".hidden", "a..b"):
            self.assertEqual(safe_name(name), name)

    def test_line_breaks_and_escapes_are_replaced(self) -> None:
        """Nothing can begin a new log line or speak to a terminal."""
        self.assertEqual(printable("a\nb\x1b[31m\u202etxt"), "a\ufffdb\ufffd[31m\ufffdtxt")

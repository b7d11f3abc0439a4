"""Text from strangers."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.text import (
    caseless,
    clean_path,
    composed,
    is_utf8,
    printable,
    quoted,
    safe_name,
    visible,
)


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

    def test_texts_are_cut(self) -> None:
        """After so many characters, whatever they are."""
        for cut in (printable, visible, safe_name):
            self.assertEqual(cut("ab" * 200), "ab" * 127 + "a")
            self.assertEqual(cut("abc", 2), "ab")
        self.assertEqual(quoted("ab" * 200), f"'{'ab' * 200}'")

    def test_joiners_stay(self) -> None:
        """Scripts and emoji need them."""
        self.assertEqual(printable("a\u200d\n"), "a\u200d\ufffd")
        self.assertEqual(visible("a\u200d\n"), "a\u200d\\n")

    def test_every_character_of_a_path_is_visible(self) -> None:
        """Controls as escapes, bytes that are not UTF-8 as what they are."""
        self.assertEqual(visible("é\n\u202e\udc80\udcff"), "é\\n\\u202e\\x80\\xff")
        self.assertEqual(visible("\udc7f\ud800"), "\\udc7f\\ud800")

    def test_a_path_that_is_utf8_stays(self) -> None:
        """The user may have to type it."""
        self.assertEqual(clean_path("é\n"), "é\n")
        self.assertEqual(clean_path("é\udcff"), "é\\xff")
        self.assertEqual((is_utf8("é"), is_utf8("\udcff")), (True, False))

    def test_composition_and_case_do_not_count(self) -> None:
        """Disks differ in both."""
        self.assertEqual((composed("e\u0301"), composed("e")), ("é", "e"))
        self.assertEqual(len({caseless(text) for text in ("É", "e\u0301", "E\u0301", "é")}), 1)
        self.assertEqual((caseless("Abc"), caseless("Straße")), ("abc", "strasse"))

    def test_a_name_of_dots_or_spaces_is_replaced(self) -> None:
        """Dots lead elsewhere, and spaces are invisible."""
        names = [safe_name(name) for name in ("", " ", ".", "..", "...", " a ", "a/b\\c")]
        self.assertEqual(names, ["_", "_", "_", "__", "___", "a", "a_b_c"])

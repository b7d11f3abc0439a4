"""A note and tags: what the user may say, and what is left of what a contact says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.annotation import (
    MAX_NOTE,
    MAX_TAG,
    MAX_TAGS,
    NO_ANNOTATION,
    Annotation,
    checked_annotation,
    safe_annotation,
)


class CheckedTests(SynchronousTestCase):
    """What the user says."""

    def test_is_normalised(self) -> None:
        """White space at the ends goes, accents are composed, and a tag counts once in any case."""
        annotation = checked_annotation(" Cafe\u0301 ", [" Köln", "köln", "Summer 2026 "])
        self.assertEqual(annotation, Annotation("Café", ("Köln", "Summer 2026")))
        self.assertTrue(annotation.has_tag("KÖLN"))
        self.assertFalse(annotation.has_tag("Kö"))

    def test_nothing_is_no_annotation(self) -> None:
        """An empty note without tags is what most shares have."""
        self.assertEqual(checked_annotation("", []), NO_ANNOTATION)
        self.assertFalse(NO_ANNOTATION)

    def test_a_note_or_a_tag_alone_is_an_annotation(self) -> None:
        """Either of them is worth telling."""
        self.assertTrue(Annotation("note"))
        self.assertTrue(Annotation("", ("tag",)))

    def test_bounds_hold(self) -> None:
        """What is as long as allowed passes, and anything beyond is refused."""
        tags = [f"{number:02}" for number in range(MAX_TAGS)]
        self.assertEqual(checked_annotation("x" * MAX_NOTE, tags).tags, tuple(tags))
        for note, wrong in (
            ("x" * (MAX_NOTE + 1), []), ("two\nlines", []), ("\u202e", []),
            ("", [*tags, "one more"]), ("", ["x" * (MAX_TAG + 1)]), ("", [""]), ("", [" "]),
            ("", ["a,b"]), ("", ["a\x1b"]),
        ):  # fmt: skip
            with self.assertRaises(InvalidValue):
                checked_annotation(note, wrong)


class SafeTests(SynchronousTestCase):
    """What a contact says."""

    def test_a_note_or_a_tag_alone_stays(self) -> None:
        """Without either, the one value for nothing stands, which half a million shares have."""
        self.assertEqual(safe_annotation("note", []), Annotation("note"))
        self.assertEqual(safe_annotation("", ["x" * MAX_TAG]), Annotation("", ("x" * MAX_TAG,)))
        self.assertIs(safe_annotation(" ", [" "]), NO_ANNOTATION)

    def test_bad_tags_are_left_out(self) -> None:
        """The others stay, and no more than the first ones are read."""
        tags = ["ok", "", "x" * 33, "a\nb", "OK", " ok ", *map(str, range(100))]
        annotation = safe_annotation("a\nb" + "x" * 2000, tags)
        self.assertEqual(annotation.tags[:2], ("ok", "0"))
        self.assertEqual(len(annotation.tags), MAX_TAGS)
        self.assertEqual(annotation.note[:3], "a\ufffdb")
        self.assertEqual(len(annotation.note), MAX_NOTE)

    @given(
        st.text(max_size=1200),
        st.lists(st.text(max_size=40) | st.sampled_from(["a", " a", "A "]), max_size=20),
    )
    def test_the_outcome_is_always_valid(self, note: str, tags: list[str]) -> None:
        """The user could have said it."""
        annotation = safe_annotation(note, tags)
        self.assertEqual(checked_annotation(annotation.note, annotation.tags), annotation)

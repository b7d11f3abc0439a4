"""The files that a share leaves out, in words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.skipped_files import NOTHING_LEFT_OUT, LeftOut, LeftOutEntry, Why


class LeftOutTests(SynchronousTestCase):
    """What a person reads of them."""

    def test_each_reason_has_its_own_words(self) -> None:
        """No two are the same."""
        self.assertEqual(len({why.text for why in Why}), len(Why))

    def test_entries_are_named_and_the_others_counted(self) -> None:
        """A list may be long."""
        entries = (LeftOutEntry("a", Why.SPECIAL), LeftOutEntry("b", Why.EMPTY_FOLDER))
        named = "'a' (a pipe, socket or device)"
        self.assertEqual(str(LeftOut(entries, 2)), f"{named}, 'b' (an empty folder)")
        self.assertEqual(str(LeftOut(entries, 5)), f"{named}, 'b' (an empty folder), and 3 more")
        self.assertEqual(str(LeftOut(entries, 5).first(1)), f"{named}, and 4 more")
        self.assertEqual(str(NOTHING_LEFT_OUT), "")

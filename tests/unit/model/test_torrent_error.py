"""Why torrents stop."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.torrent_error import NO_TROUBLE, Reason, failed, missing


class TorrentErrorTests(SynchronousTestCase):
    """Errors as text and for programs."""

    def test_an_error_is_true_and_no_trouble_is_false(self) -> None:
        """Callers ask whether something is wrong."""
        self.assertFalse(NO_TROUBLE)
        self.assertTrue(missing("film"))

    def test_a_missing_file_is_named(self) -> None:
        """In the text, and in a field of its own."""
        error = missing("film")
        self.assertEqual(
            (error.text, error.reason, error.path), ("'film' is missing", Reason.MISSING, "film")
        )

    def test_the_system_s_number_tells_the_reason(self) -> None:
        """An unknown number is a broken disk; without a number, nothing is known."""
        for code, reason in (
            (errno.ENOENT, Reason.MISSING),
            (errno.EACCES, Reason.FORBIDDEN),
            (errno.ENOSPC, Reason.FULL),
            (errno.EIO, Reason.BROKEN),
            (None, Reason.OTHER),
        ):
            self.assertIs(failed("film", code, "no").reason, reason)

    def test_the_path_comes_before_the_text(self) -> None:
        """Where one is known."""
        self.assertEqual(failed("film", None, "no").text, "film: no")
        self.assertEqual(failed("", None, "no").text, "no")

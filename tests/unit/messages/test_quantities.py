"""Quantities as text."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.messages.quantities import counted, duration_text, limit_text, rate_text, size_text


class QuantityTextTests(SynchronousTestCase):
    """What a person reads."""

    def test_sizes_have_three_digits_and_a_unit(self) -> None:
        """The unit changes where three digits would show 1000."""
        for size, text in (
            (None, "?"),
            (0, "0 B"),
            (999.4, "999 B"),
            (999.5, "1 kB"),
            (1000, "1 kB"),
            (1500, "1.5 kB"),
            (999_499, "999 kB"),
            (999_500, "1 MB"),
            (2.5e9, "2.5 GB"),
            (2.5e12, "2.5 TB"),
            (2.5e15, "2.5 PB"),
            (2.5e18, "2.5 EB"),
            (2.5e21, "2.5e+03 EB"),
        ):
            self.assertEqual(size_text(size), text)

    def test_no_rate_is_empty_and_no_limit_has_a_word(self) -> None:
        """A limit of 0 means none."""
        self.assertEqual((rate_text(None), rate_text(0), rate_text(1500)), ("", "", "1.5 kB/s"))
        self.assertEqual((limit_text(0), limit_text(5000)), ("unlimited", "5 kB/s"))

    def test_durations_have_two_or_three_parts(self) -> None:
        """Seconds count below a day only."""
        for seconds, text in (
            (None, ""),
            (0, "0:00"),
            (59.9, "0:59"),
            (60, "1:00"),
            (3599, "59:59"),
            (3600, "1:00:00"),
            (86_399, "23:59:59"),
            (86_400, "1 d 0 h"),
            (90_000, "1 d 1 h"),
        ):
            self.assertEqual(duration_text(seconds), text)

    def test_one_thing_has_no_plural(self) -> None:
        """No thing has."""
        texts = [counted(count, "file") for count in (0, 1, 2, 1000)]
        self.assertEqual(texts, ["0 files", "1 file", "2 files", "1,000 files"])

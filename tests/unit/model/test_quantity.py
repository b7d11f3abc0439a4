"""Sizes, rates and durations as a person writes them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.quantity import MAX_RATE, MAX_SIZE, parse_duration, parse_rate, parse_size


class QuantityTests(SynchronousTestCase):
    """One grammar for the command line, the settings and the schedule."""

    def test_sizes_have_decimal_units(self) -> None:
        """Units are decimal unless they say otherwise; bytes need not be named."""
        for text, size in {
            "0": 0,
            "none": 0,
            "5000": 5000,
            "5k": 5000,
            "5K": 5000,
            "1.5M": 1_500_000,
            "2 MB": 2_000_000,
            "2GiB": 2 << 30,
            "64Ki": 64 << 10,
            "3G": 3 * 10**9,
            "1T": 10**12,
            "1.5": 1,
            "7B": 7,
            str(MAX_SIZE): MAX_SIZE,
        }.items():
            self.assertEqual(parse_size(text), size, text)

    def test_rates_may_have_a_per_second_suffix(self) -> None:
        """They may say that they are rates."""
        for text, rate in {
            "none": 0,
            "500k": 500_000,
            "1.5MB/s": 1_500_000,
            "9/s": 9,
            str(MAX_RATE): MAX_RATE,
        }.items():
            self.assertEqual(parse_rate(text), rate, text)

    def test_malformed_quantities_are_refused(self) -> None:
        """What is no number, negative, in bits, in other digits or too large is refused."""
        for text in (
            "",
            "k",
            "-1",
            "5kb",
            "5 k B",
            "1e3",
            "½k",
            "٣",
            "5i",
            "nan",
            "5k/s",
            "9" * 20,
            str(2 * MAX_SIZE),
        ):
            self.assertRaises(InvalidValue, parse_size, text)
        for text in ("fast", "5k/h", "3G", str(MAX_RATE + 1)):
            self.assertRaises(InvalidValue, parse_rate, text)


class DurationTests(SynchronousTestCase):
    """How long something is to last, as people type it."""

    def test_durations(self) -> None:
        """A number and a unit."""
        for text, seconds in (("30m", 1800), ("12 h", 43200), ("7d", 604800), (" 2w ", 1209600)):
            with self.subTest(text=text):
                self.assertEqual(parse_duration(text), seconds)

    def test_what_is_none(self) -> None:
        """Nothing is guessed."""
        for text in ("", "7", "d", "0d", "-1d", "7 days", "1.5h", "9999999d", "٣d"):
            with self.subTest(text=text):
                self.assertRaises(InvalidValue, parse_duration, text)

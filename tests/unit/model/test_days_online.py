"""Unit tests for bitween.model.days_online."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.days_online import COUNT, DaysOnline

DAY = 24 * 3600.0


class DaysOnlineTests(SynchronousTestCase):
    """The days that are counted."""

    def test_a_day_counts_once(self) -> None:
        """A later time of the same day adds none; a day later is another day."""
        first = DaysOnline().until(1000.0)
        self.assertEqual(first.times, (1000.0,))
        self.assertEqual(first.until(1000.0 + DAY - 1).times, (1000.0,))
        self.assertEqual(first.until(1000.0 + DAY).times, (1000.0, 1000.0 + DAY))

    def test_times_in_the_future_are_dropped(self) -> None:
        """As a clock that was ahead leaves them; the current time itself stays."""
        days = DaysOnline((1.0 * DAY, 3.0 * DAY, 9.0 * DAY))
        self.assertEqual(days.until(3.0 * DAY).times, (1.0 * DAY, 3.0 * DAY))

    def test_only_the_last_days_count(self) -> None:
        """Their beginning is known once there are enough of them."""
        days = DaysOnline()
        for number in range(COUNT):
            self.assertIsNone(days.first)
            days = days.until(number * DAY)
        self.assertEqual(days.first, 0.0)
        days = days.until(COUNT * DAY)
        self.assertEqual((days.first, len(days.times)), (DAY, COUNT))

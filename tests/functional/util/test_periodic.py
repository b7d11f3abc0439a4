"""What is done once a day."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.periodic import HOUR, PeriodicService


class HousekeepingTests(SynchronousTestCase):
    """Work that is done again and again."""

    def test_every_day_whatever_happens(self) -> None:
        """It is done daily, also after it failed, and not after it is stopped."""
        clock, times = Clock(), []

        def work() -> None:
            times.append(clock.seconds() / HOUR)
            raise ValueError("a bad day")

        housekeeping = PeriodicService(clock, work, HOUR)
        housekeeping.startService()
        clock.pump([HOUR] * 3)
        self.assertEqual(times, [1, 2, 3])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 3)
        housekeeping.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])

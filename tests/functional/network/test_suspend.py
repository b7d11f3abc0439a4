"""A machine that sleeps."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.network.suspend import INTERVAL, JUMP, SET_BACK, SuspendDetector


class WakefulnessTests(SynchronousTestCase):
    """Two clocks."""

    def setUp(self) -> None:
        """Be awake."""
        self.clock = Clock()
        self.slept = 0.0
        self.woken = self.times_set_back = 0
        self.watch = SuspendDetector(
            *(self.clock, self.woke, self.set_back),
            *(lambda: self.clock.seconds() + self.slept, self.clock.seconds),
        )
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    def woke(self) -> None:
        """Count."""
        self.woken += 1
        if self.woken == 2:
            raise RuntimeError

    def set_back(self) -> None:
        """Count."""
        self.times_set_back += 1

    def test_a_clock_that_is_set_back(self) -> None:
        """It is told once, and no sleep; a little is not worth it."""
        self.slept -= SET_BACK / 2
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.times_set_back, 0)
        self.slept -= 3600
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual((self.times_set_back, self.woken), (1, 0))

    def test_awake(self) -> None:
        """As long as both clocks go on alike, nothing happens; nor if one is corrected a little."""
        self.clock.pump([INTERVAL] * 10)
        self.slept = JUMP - 1
        self.clock.pump([INTERVAL] * 10)
        self.assertEqual(self.woken, 0)

    def test_asleep(self) -> None:
        """After each sleep it is told, within seconds, even if that failed before."""
        for sleeps in (1, 2, 3):
            self.slept += 600
            self.clock.pump([INTERVAL] * 3)
            self.assertEqual(self.woken, sleeps)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

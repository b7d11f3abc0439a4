"""A machine that sleeps."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.reach.wakefulness import INTERVAL, JUMP, Wakefulness


class WakefulnessTests(SynchronousTestCase):
    """Two clocks."""

    def setUp(self) -> None:
        """Be awake."""
        self.clock = Clock()
        self.slept = 0.0
        self.woken = 0
        self.watch = Wakefulness(
            self.clock, self.woke, lambda: self.clock.seconds() + self.slept, self.clock.seconds
        )
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    def woke(self) -> None:
        """Count."""
        self.woken += 1
        if self.woken == 2:
            raise RuntimeError

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

"""A clock that is set while timers run."""

from __future__ import annotations

from typing import Any

from twisted.internet.base import ReactorBase
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.monotonic import MonotonicClock


class BareReactor(ReactorBase):
    """Twisted's timers, and nothing else."""

    def installWaker(self) -> None:
        """Nobody wakes it."""


class ForwardClockTests(SynchronousTestCase):
    """The timers of a reactor."""

    def setUp(self) -> None:
        """Have something due in five seconds."""
        self.wall, self.uptime = 1_000_000.0, 500.0
        self.reactor: Any = BareReactor()
        self.reactor.seconds = MonotonicClock(lambda: self.wall, lambda: self.uptime)
        self.called: list[float] = []
        self.reactor.callLater(5, lambda: self.called.append(self.wall))

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.uptime += seconds
        self.reactor.runUntilCurrent()

    def test_set_back(self) -> None:
        """What is due is not late by more than what passed unseen, however often it happens."""
        for _ in range(3):
            self.go_on(1)
            self.wall -= 3600
            self.go_on(0)
        self.go_on(1.9)
        self.assertEqual(self.called, [])
        self.go_on(0.2)
        self.assertEqual(len(self.called), 1)

    def test_set_forward(self) -> None:
        """What is due does not come early, nor late for the step back that mends it."""
        for step in (40 * 24 * 3600, -40 * 24 * 3600):
            self.wall += step
            self.go_on(2)
            self.assertEqual(self.called, [])
        self.go_on(1.1)
        self.assertEqual(len(self.called), 1)

    def test_sleep(self) -> None:
        """What came due while the machine slept is done when it wakes up."""
        self.go_on(3600)
        self.assertEqual(len(self.called), 1)

"""Watches how long the reactor is held."""

from __future__ import annotations

import time

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall


class Stalls:
    """
    Watches for how long the reactor does not come round.

    :ivar longest: seconds.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._last = time.perf_counter()
        self.longest = 0.0
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor
        self._loop.start(0.001)

    def stop(self) -> float:
        """Stop; returns the longest stall in seconds."""
        self._tick()
        self._loop.stop()
        return self.longest

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

"""Clocks that go on when the machine's own clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable


class ForwardClock:
    """
    Reads the time of day, but never an earlier one than before.

    Twisted's timers go by the time of day.  When that is set back by an hour, whatever is due is an
    hour late, pings and time-outs included, and whoever waits for a quota waits for that hour.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        """:param wall: seconds since the epoch."""
        self._wall = wall
        self._ahead = 0.0
        self._last = wall()

    def __call__(self) -> float:
        """:returns: seconds since the epoch, later than they are once the clock was set back."""
        now = self._wall() + self._ahead
        if now < self._last:
            self._ahead += self._last - now
            now = self._last
        self._last = now
        return now


def steady_time() -> float:
    """:returns: seconds from an arbitrary beginning, those of the machine's sleep included."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)

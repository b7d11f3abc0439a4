"""Clocks that go on when the machine's own clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable


class MonotonicClock:
    """
    Begins with the time of day, and goes on evenly, whatever the machine's clock is set to.

    Twisted's timers go by the time of day.  When that is set back by an hour, whatever is due is an
    hour late, pings and time-outs included; when it is set forward, everything is due at once.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] | None = None
    ) -> None:
        """
        :param wall: seconds since the epoch.
        :param steady: seconds from an arbitrary beginning; see :func:`steady_time`.
        """
        self._steady = steady or steady_time
        self._origin = wall() - self._steady()

    def __call__(self) -> float:
        """:returns: seconds since the epoch, as if the clock had not been set since the start."""
        return self._origin + self._steady()


def steady_time() -> float:
    """:returns: seconds from an arbitrary beginning, those of the machine's sleep included."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)

"""Clocks that run on evenly when the machine's clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable


class MonotonicClock:
    """
    Starts with the time of day, and runs on evenly, whatever the machine's clock is set to.

    Twisted's timers use the time of day.  When that is set back by an hour, every timer is an hour
    late, pings and time-outs included; when it is set forward, all timers fire at once.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] | None = None
    ) -> None:
        """
        :param wall: seconds since the epoch.
        :param steady: seconds since an arbitrary moment; see :func:`steady_time`.
        """
        self._steady = steady or steady_time
        self._origin = wall() - self._steady()

    def __call__(self) -> float:
        """:returns: seconds since the epoch, as if the clock had not been set since the start."""
        return self._origin + self._steady()


def steady_time() -> float:
    """:returns: seconds since an arbitrary moment, including those of the machine's sleep."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)

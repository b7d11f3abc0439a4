"""The days on which the daemon was online, and so could have seen the devices of contacts."""

from __future__ import annotations

from dataclasses import dataclass

#: Days that are counted.
COUNT = 30
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class DaysOnline:
    """
    The last :data:`COUNT` days.

    :param times: one time of each day, in seconds since the epoch, oldest first, at least a day
        apart.
    """

    times: tuple[float, ...] = ()

    @property
    def first(self) -> float | None:
        """When the last :data:`COUNT` days began; ``None`` if there were fewer."""
        return self.times[0] if len(self.times) == COUNT else None

    def until(self, now: float) -> DaysOnline:
        """
        Add the current day.

        Times in the future, which a clock that was ahead has left, are dropped.

        :param now: seconds since the epoch.
        """
        past = tuple(time for time in self.times if time <= now)
        if past and now - past[-1] < _DAY:
            return DaysOnline(past)
        return DaysOnline((*past, now)[-COUNT:])

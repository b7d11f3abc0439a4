"""The days on which the daemon was online: only on those it could have seen a contact's device."""

from __future__ import annotations

from dataclasses import dataclass

#: Days that are counted.
COUNT = 30
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class DaysOnline:
    """
    The last :data:`COUNT` of them.

    :param times: one of each day, in seconds since the epoch, oldest first, a day apart and more.
    """

    times: tuple[float, ...] = ()

    @property
    def first(self) -> float | None:
        """When the last :data:`COUNT` days began; ``None`` if there were not so many yet."""
        return self.times[0] if len(self.times) == COUNT else None

    def until(self, now: float) -> DaysOnline:
        """
        With today, on which we are online.

        A clock that was ahead has left times in the future, which count no more.
        """
        past = tuple(time for time in self.times if time <= now)
        if past and now - past[-1] < _DAY:
            return DaysOnline(past)
        return DaysOnline((*past, now)[-COUNT:])

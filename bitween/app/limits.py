"""The rate limits of all torrents together: the settings, the user's choice, the schedule."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bitween.app.ports import LimitsMemoryPort, SwarmControlPort
from bitween.model.schedule import ScheduleEntry, limits_at
from bitween.model.torrent_options import Limits


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """
    The limits of all torrents together.

    :param chosen: those that the user or the settings chose.
    :param effective: those that the schedule leaves in force at this moment.
    """

    chosen: Limits
    effective: Limits

    @property
    def scheduled(self) -> bool:
        """Whether the schedule replaces the chosen limits at this moment."""
        return self.chosen != self.effective


class RateLimits:
    """
    Keeps the chosen limits, and applies them or those of the schedule.

    What the user chose survives restarts until the limits in the settings change.
    """

    def __init__(
        self,
        swarm: SwarmControlPort,
        memory: LimitsMemoryPort,
        configured: Limits,
        schedule: Sequence[ScheduleEntry],
        clock: Callable[[], float],
    ) -> None:
        """
        :param configured: the limits in the settings.
        :param schedule: the hours at which other limits are in force.
        :param clock: seconds since the epoch.
        """
        self._swarm = swarm
        self._memory = memory
        self._configured = configured
        self._schedule = tuple(schedule)
        self._clock = clock
        self._chosen = self._remembered()
        self._effective = configured

    @property
    def in_force(self) -> LimitsInForce:
        """The limits that were chosen, and those that are in force."""
        return LimitsInForce(self._chosen, self._effective)

    def set(self, upload: int | None = None, download: int | None = None) -> LimitsInForce:
        """
        Choose the limits of all torrents together.

        :param upload: bytes/s, 0 for no limit; ``None`` leaves it as it is.
        :param download: the same for the other direction.
        :returns: the limits that are in force now.
        :raises StoreError: if they cannot be stored; nothing changes then.
        """
        chosen = changed_limits(self._chosen, upload, download)
        # Stored first: limits that cannot be stored are not to be in force, either.
        self._memory.keep_limits(self._configured, chosen)
        self._chosen = chosen
        self.apply()
        return self.in_force

    def apply(self) -> None:
        """Put the limits of this hour in force."""
        effective = limits_at(self._schedule, self._chosen, time.localtime(self._clock()))
        if effective != self._effective:
            self._effective = effective
            self._swarm.limit(effective)

    def _remembered(self) -> Limits:
        kept = self._memory.limits()
        if kept is None or kept[0] != self._configured:
            return self._configured
        return kept[1]


def changed_limits(limits: Limits, upload: int | None, download: int | None) -> Limits:
    """
    Replace one or both directions of limits.

    :param upload: bytes/s, 0 for no limit; ``None`` leaves it as it is.
    :param download: the same for the other direction.
    """
    return Limits(
        limits.upload if upload is None else upload,
        limits.download if download is None else download,
    )

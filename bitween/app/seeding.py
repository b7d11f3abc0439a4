"""Pauses downloads that have been seeded enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bitween.app.ports import SwarmControlPort
from bitween.model.torrent import InfoHash, Torrent


@dataclass(frozen=True, slots=True)
class SeedingPolicy:
    """
    How long a finished download is seeded; it is paused when the first limit is reached.

    :param ratio: uploaded bytes per byte of the torrent, 0 for no limit.
    :param seconds: time since the download has finished, 0 for no limit.
    """

    ratio: float = 0.0
    seconds: float = 0.0


UNLIMITED_SEEDING = SeedingPolicy()


class SeedingLimits:
    """Applies the seeding policy to all downloads."""

    def __init__(
        self,
        swarm: SwarmControlPort,
        policy: SeedingPolicy = UNLIMITED_SEEDING,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param steady: seconds from an arbitrary beginning; unaffected when the clock is set.
        """
        self._swarm = swarm
        self._policy = policy
        self._clock = clock
        self._steady = steady
        # Since when each torrent is seeded, by the steady clock.
        self._seeding_since: dict[InfoHash, float] = {}

    def apply(self) -> None:
        """Pause the downloads that have reached a limit."""
        complete = {torrent.info_hash for torrent in self._swarm.library if torrent.completed}
        self._seeding_since = {h: t for h, t in self._seeding_since.items() if h in complete}
        for torrent in self._swarm.library:
            if not torrent.options.paused and self.reached(torrent):
                self._swarm.set_options(torrent.info_hash, replace(torrent.options, paused=True))

    def reached(self, torrent: Torrent) -> bool:
        """Whether a torrent is a download that has reached a limit; paused ones count, too."""
        if torrent.shared or torrent.options.ignore_seed_limits:
            return False
        if torrent.completed is None or not torrent.progress.done:
            return False
        policy = self._policy
        enough = policy.ratio * torrent.progress.done
        seeded = self._seconds_seeded(torrent.info_hash, torrent.completed)
        return (0 < enough <= torrent.progress.uploaded) or (0 < policy.seconds <= seeded)

    def _seconds_seeded(self, info_hash: InfoHash, completed: float) -> float:
        """Seconds since a torrent was complete; setting the clock meanwhile adds none."""
        now = self._steady()
        before = max(0.0, self._clock() - completed)
        return now - self._seeding_since.setdefault(info_hash, now - before)

"""What outlives a restart, in memory: :class:`bitween.app.ports.MemoryPort`."""

from __future__ import annotations

from collections.abc import Mapping

from bitween.errors import StoreError
from bitween.model.days_online import DaysOnline
from bitween.model.intention import Intention
from bitween.model.torrent_options import Limits
from bitween.model.traffic import Traffic


class FakeMemory:
    """
    Remembers for as long as the test runs.

    :ivar broken: whether nothing can be kept, as if the disk was full.
    """

    def __init__(self) -> None:
        self.broken = False
        self._traffic: dict[str, Traffic] = {}
        self._limits: tuple[Limits, Limits] | None = None
        self._days = DaysOnline()
        self._intentions: dict[str, Intention] = {}

    def traffic(self) -> dict[str, Traffic]:
        """What was exchanged with each contact."""
        return dict(self._traffic)

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """Remember what was exchanged with some contacts."""
        self._traffic.update(changed)

    def limits(self) -> tuple[Limits, Limits] | None:
        """What was kept."""
        return self._limits

    def days_online(self) -> DaysOnline:
        """What was kept."""
        return self._days

    def keep_days_online(self, days: DaysOnline) -> None:
        """Keep the days on which we were online."""
        if self.broken:
            raise StoreError("the disk is full")
        self._days = days

    def keep_limits(self, usual: Limits, chosen: Limits) -> None:
        """Keep limits."""
        if self.broken:
            raise StoreError("the disk is full")
        self._limits = (usual, chosen)

    def intend(self, intention: Intention) -> None:
        """Remember a path that is to be shared."""
        self._intentions[intention.path] = intention

    def settled(self, path: str) -> None:
        """Forget it."""
        self._intentions.pop(path, None)

    def intended(self) -> list[Intention]:
        """What is remembered, oldest first."""
        return list(self._intentions.values())

"""What outlives a restart, in memory: :class:`bitween.app.ports.MemoryPort`."""

from __future__ import annotations

from collections.abc import Mapping

from bitween.errors import StoreError
from bitween.model.access import Reader
from bitween.model.days_online import DaysOnline
from bitween.model.device_trust import KeptKey
from bitween.model.intention import Intention
from bitween.model.torrent_options import Limits
from bitween.model.traffic import Traffic


class FakeMemory:
    """
    Stores it as long as the test runs.

    :ivar broken: whether nothing can be stored, as if the disk was full.
    """

    def __init__(self) -> None:
        self.broken = False
        self._traffic: dict[str, Traffic] = {}
        self._limits: tuple[Limits, Limits] | None = None
        self._days = DaysOnline()
        self._intentions: dict[str, Intention] = {}
        self._devices: dict[tuple[str, str], KeptKey] = {}
        self._readers: dict[str, Reader] = {}

    def traffic(self) -> dict[str, Traffic]:
        """Load the traffic."""
        return dict(self._traffic)

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """Store the traffic of some contacts."""
        if self.broken:
            raise StoreError("the disk is full")
        self._traffic.update(changed)

    def readers(self) -> dict[str, Reader]:
        """Load the readers."""
        return dict(self._readers)

    def keep_readers(self, changed: Mapping[str, Reader]) -> None:
        """Store some readers."""
        if self.broken:
            raise StoreError("the disk is full")
        known = {**self._readers, **changed}
        self._readers = {jid: reader for jid, reader in known.items() if reader.contact}

    def limits(self) -> tuple[Limits, Limits] | None:
        """Load the chosen limits."""
        return self._limits

    def days_online(self) -> DaysOnline:
        """Load the days."""
        return self._days

    def keep_days_online(self, days: DaysOnline) -> None:
        """Store the days."""
        if self.broken:
            raise StoreError("the disk is full")
        self._days = days

    def keep_limits(self, configured: Limits, chosen: Limits) -> None:
        """Store chosen limits."""
        if self.broken:
            raise StoreError("the disk is full")
        self._limits = (configured, chosen)

    def intend(self, intention: Intention) -> None:
        """Store an intention."""
        self._intentions[intention.path] = intention

    def settled(self, path: str) -> None:
        """Delete an intention."""
        self._intentions.pop(path, None)

    def intended(self) -> list[Intention]:
        """Load the intentions."""
        return list(self._intentions.values())

    def devices(self) -> dict[tuple[str, str], KeptKey]:
        """Load the keys of devices."""
        return dict(self._devices)

    def keep_device(self, jid: str, resource: str, kept: KeptKey) -> None:
        """Store the key of a device."""
        if self.broken:
            raise StoreError("the disk is full")
        self._devices[jid, resource] = kept

    def forget_device(self, jid: str, resource: str) -> None:
        """Delete the key of a device."""
        self._devices.pop((jid, resource), None)

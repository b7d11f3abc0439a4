"""
The devices of contacts and of our own account: their keys, and how far each is trusted.

The XMPP side checks signatures, and tells here which key signed what.  All other parts ask here
whether a device counts: before it gets a list or a secret, and before anything of it is accepted
without being asked.  :mod:`bitween.model.device_trust` has the rules; this module stores what they
keep, compares fingerprints for the user, and notifies when the trust in a device changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from twisted.logger import Logger

from bitween.app.ports import DeviceMemoryPort
from bitween.crypto.signature import fingerprint
from bitween.errors import InvalidValue, StoreError, UnknownResource
from bitween.model.device_trust import DeviceTable, KeptKey, Trust, TrustedDevice, TrustPolicy
from bitween.model.text import printable
from bitween.util.limiter import BoundedDict
from bitween.util.observable import Observable

#: DeviceTrust of which the log says once that their keys have changed.
MAX_LOGGED = 1000
#: Hexadecimal digits of a fingerprint that a user must compare; there are 64.
COMPARED = 32


class DeviceTrust:
    """
    The use cases of device keys; implements :class:`bitween.model.device_trust.KnownDevices`.

    :ivar changes: hands out each device whose key or trust has changed.
    """

    _log = Logger()

    def __init__(
        self,
        memory: DeviceMemoryPort | None = None,
        policy: TrustPolicy = TrustPolicy.BLIND,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        :param memory: stores the keys; ``None`` to keep them as long as the process runs.
        :param clock: seconds since the epoch.
        """
        self._memory = memory
        self._clock = clock
        kept = MappingProxyType({}) if memory is None else memory.devices()
        self._table = DeviceTable(policy, kept)
        self._own = TrustedDevice("", "", b"", Trust.VERIFIED)
        self._logged = BoundedDict[tuple[str, str], bool](MAX_LOGGED)
        self.changes: Observable[TrustedDevice] = Observable()

    @property
    def own(self) -> tuple[str, str, str]:
        """Our bare JID, our resource, and our fingerprint."""
        return self._own.jid, self._own.resource, fingerprint(self._own.key)

    def set_own(self, jid: str, resource: str, key: bytes) -> None:
        """Set which device is ours."""
        self._table.set_own(jid, resource, key)
        self._own = TrustedDevice(jid, resource, key, Trust.VERIFIED)

    def announced(
        self,
        jid: str,
        resource: str,
        key: bytes,
        issued: int = 0,
        vouched: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bool:
        """Take the key of a device's announcement; false if that must be dropped."""
        before, kept = self._all(jid), self._table.kept(jid, resource)
        accepted = self._table.announced(jid, resource, key, issued, vouched)
        self._store(jid, resource, kept)
        while self._table.forgotten:
            forgotten = self._table.forgotten.pop()
            self._try(partial(_forget, forgotten))
        self._notify(jid, before)
        return accepted

    def accepts(self, jid: str, resource: str, key: bytes, kind: str, issued: int) -> bool:
        """Whether a statement is later than those accepted; remembers its time."""
        kept = self._table.kept(jid, resource)
        accepted = self._table.accepts(jid, resource, key, kind, issued)
        self._store(jid, resource, kept)
        return accepted

    def key(self, jid: str, resource: str) -> bytes:
        """Return the key with which a device signs; empty if none is known."""
        return self._table.key(jid, resource)

    def verified_keys(self, jid: str) -> dict[str, bytes]:
        """Return the keys of an account's verified devices, by resource."""
        return self._table.verified_keys(jid)

    def trust(self, jid: str, resource: str) -> Trust:
        """Return how far a device is trusted."""
        return self._table.trust(jid, resource)

    def counts(self, jid: str, resource: str) -> bool:
        """Whether a device gets what is restricted, and is believed."""
        return self._table.trust(jid, resource).counts

    def list(self, jid: str | None = None) -> list[TrustedDevice]:
        """
        List the known devices, by account and resource.

        :param jid: bare, for those of one account.
        """
        accounts = self._table.accounts() if jid is None else [jid]
        return [device for account in accounts for device in self._table.devices(account)]

    def verify(self, jid: str, resource: str, shown: str) -> TrustedDevice:
        """
        Trust a device, since the user has compared its fingerprint.

        :param shown: the fingerprint that the device's owner sees, or at least its first 32 digits.
        :raises UnknownResource: if no key of that device is known.
        :raises InvalidValue: if its fingerprint is another one.
        """
        key = self._known(jid, resource).key
        digits = "".join(shown.split()).replace(":", "").casefold()
        if len(digits) < COMPARED or not fingerprint(key).startswith(digits):
            raise InvalidValue.of(
                "invalid_value.fingerprint", device=printable(f"{jid}/{resource}")
            )
        before, kept = self._all(jid), self._table.kept(jid, resource)
        self._table.verify(jid, resource, key, self._clock())
        self._store(jid, resource, kept)
        self._notify(jid, before)
        return self._table.device(jid, resource)

    def distrust(self, jid: str, resource: str) -> TrustedDevice:
        """
        Let a device count no longer, until the user verifies it.

        :raises UnknownResource: if no key of that device is known.
        """
        self._known(jid, resource)
        before, kept = self._all(jid), self._table.kept(jid, resource)
        self._table.distrust(jid, resource)
        self._store(jid, resource, kept)
        self._notify(jid, before)
        return self._table.device(jid, resource)

    def _known(self, jid: str, resource: str) -> TrustedDevice:
        device = self._table.device(jid, resource)
        if not device.key:
            raise UnknownResource.of("unknown_resource.key", device=printable(f"{jid}/{resource}"))
        return device

    def _all(self, jid: str) -> dict[str, TrustedDevice]:
        return {device.resource: device for device in self._table.devices(jid)}

    def _notify(self, jid: str, before: Mapping[str, TrustedDevice]) -> None:
        for device in self._table.devices(jid):
            if before.get(device.resource) != device:
                self._log_changed(device)
                self.changes.notify(device)

    def _log_changed(self, device: TrustedDevice) -> None:
        """Log once of each device that its key has changed; its server could do so without end."""
        key = (device.jid, device.resource)
        if device.trust is Trust.CHANGED and key not in self._logged:
            self._logged[key] = True
            self._log.warn(
                "{device} announces another key than before, or none; it does not count until you"
                " verify it",
                device=printable(f"{device.jid}/{device.resource}"),
            )

    def _store(self, jid: str, resource: str, before: KeptKey | None) -> None:
        kept = self._table.kept(jid, resource)
        if kept is not None and kept is not before:
            self._try(lambda memory: memory.keep_device(jid, resource, kept))

    def _try(self, store: Callable[[DeviceMemoryPort], None]) -> None:
        """Store something; where that fails, it still holds for this run."""
        if self._memory is None:
            return
        try:
            store(self._memory)
        except StoreError as error:
            self._log.error("{error}", error=error)


def _forget(device: tuple[str, str], memory: DeviceMemoryPort) -> None:
    memory.forget_device(*device)

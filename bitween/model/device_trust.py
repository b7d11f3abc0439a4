"""
Which keys of devices count: trust as XMPP users know it from OMEMO clients.

Each device signs with a key.  The first key that we see of a device is kept (*blind* trust before
verification).  Once the user has verified one device of an account, its other devices count only if
they are verified too, or if a verified one vouches for their keys (*signed*).  Our own device
always counts, and does not begin this for our other devices.

A device that is seen with another key than the one kept is *changed*.  It does not count until the
user verifies the new key, or it is seen with the kept key again.  So is a device whose announcement
is no longer signed.

The table also holds the highest time of signing of each kind of statement, so that no earlier
statement can be replayed.  It is pure: :mod:`bitween.app.devices` stores what it changes, and
:mod:`bitween.xmpp` checks the signatures before it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

#: Devices of an account of which something is kept, besides those verified.
MAX_KEPT = 256
#: The kind of statement that is read more than once.
ANNOUNCEMENT = "announcement"


class Trust(StrEnum):
    """How far a device is trusted."""

    BLIND = "blind"  # it has had the same key since we first saw it
    VERIFIED = "verified"  # the user has compared the fingerprint
    SIGNED = "signed"  # a verified device of the account vouches for it
    CHANGED = "changed"  # its key is another one than before, or is missing now
    NONE = "none"  # it does not sign, or the account has verified devices and this is none of them

    @property
    def counts(self) -> bool:
        """Whether such a device gets what is restricted, and is believed."""
        return self in {Trust.BLIND, Trust.VERIFIED, Trust.SIGNED}


class TrustPolicy(StrEnum):
    """Which devices count before one of their account is verified."""

    BLIND = "blind"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class KeptKey:
    """
    What is stored of a device.

    :param key: its Ed25519 public key.
    :param verified: seconds since the epoch when the user compared it; ``None`` if never.
    :param distrusted: whether the user has said that it must not count.
    :param issued: the highest time of signing by kind of statement, in milliseconds.
    """

    key: bytes
    verified: float | None = None
    distrusted: bool = False
    issued: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class TrustedDevice:
    """
    A device and how far it is trusted.

    :param key: the key that it signs with now, as far as we know; empty if it does not sign.
    """

    jid: str
    resource: str
    key: bytes
    trust: Trust


@dataclass(slots=True)
class _Seen:
    """
    What a device has announced since the daemon started.

    :ivar key: empty if it was not signed.
    :ivar vouched: the keys of other devices of its account that it vouches for, by resource.
    :ivar issued: as in :class:`KeptKey`, where ``key`` is not the one kept.
    """

    key: bytes
    vouched: Mapping[str, bytes]
    issued: dict[str, int] = field(default_factory=dict)


class KnownDevices(Protocol):
    """What the checks of statements need of the keys of devices; see :class:`DeviceTable`."""

    def set_own(self, jid: str, resource: str, key: bytes) -> None:
        """Set which device is ours."""

    def announced(
        self,
        jid: str,
        resource: str,
        key: bytes,
        issued: int = ...,
        vouched: Mapping[str, bytes] = ...,
    ) -> bool:
        """Take the key of a device's announcement; false if that must be dropped."""

    def key(self, jid: str, resource: str) -> bytes:
        """Return the key with which a device signs; empty if none is known."""

    def accepts(self, jid: str, resource: str, key: bytes, kind: str, issued: int) -> bool:
        """Whether a statement is not older than those accepted; remembers its time."""

    def trust(self, jid: str, resource: str) -> Trust:
        """Return how far a device is trusted."""

    def verified_keys(self, jid: str) -> dict[str, bytes]:
        """Return the keys of an account's verified devices, by resource."""


class DeviceTable:
    """
    The keys of the devices of contacts and of our own account.

    :ivar forgotten: devices whose kept keys were dropped, since their account has too many; who
        stores the keys empties it.
    """

    def __init__(
        self,
        policy: TrustPolicy = TrustPolicy.BLIND,
        kept: Mapping[tuple[str, str], KeptKey] = MappingProxyType({}),
    ) -> None:
        """
        :param kept: what an earlier run has stored, by bare JID and resource.
        """
        self._policy = policy
        self._kept: dict[str, dict[str, KeptKey]] = {}
        self._seen: dict[str, dict[str, _Seen]] = {}
        self._own: tuple[str, str] | None = None
        self.forgotten: list[tuple[str, str]] = []
        for (jid, resource), key in kept.items():
            self._kept.setdefault(jid, {})[resource] = key

    def set_own(self, jid: str, resource: str, key: bytes) -> None:
        """Set which device is ours."""
        self._own = (jid, resource)
        self._kept.setdefault(jid, {}).pop(resource, None)
        self._seen.setdefault(jid, {})[resource] = _Seen(key, MappingProxyType({}))

    def announced(
        self,
        jid: str,
        resource: str,
        key: bytes,
        issued: int = 0,
        vouched: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bool:
        """
        Take the key with which a device signed its announcement; the signature is checked.

        :param key: empty if the announcement was not signed.
        :param issued: when it was signed, in milliseconds since the epoch.
        :param vouched: the keys that it vouches for, by resource.
        :returns: false if a later announcement has been accepted, so that this must be dropped.
        """
        if (jid, resource) == self._own:
            return True
        if issued < self._issued(jid, resource, key).get(ANNOUNCEMENT, 0) and key:
            return False
        seen = self._seen.setdefault(jid, {})
        if resource not in seen or seen[resource].key != key:
            seen[resource] = _Seen(key, vouched)
            self._bound(seen, {resource, self._own_resource(jid)})
        seen[resource].vouched = vouched
        if key:
            self._keep(jid, resource, key)
            self._remember(jid, resource, key, ANNOUNCEMENT, issued)
        return True

    def key(self, jid: str, resource: str) -> bytes:
        """Return the key with which a device signs; empty if none is known."""
        seen = self._seen.get(jid, {}).get(resource)
        if seen is not None and seen.key:
            return seen.key
        kept = self._kept.get(jid, {}).get(resource)
        return b"" if kept is None else kept.key

    def accepts(self, jid: str, resource: str, key: bytes, kind: str, issued: int) -> bool:
        """
        Whether a statement other than an announcement may count: if it is later than those before.

        If so, its time is remembered.  (The server sends an announcement again and again; nothing
        else is said twice.)

        :param key: the key under which it is signed; the signature is checked already.
        :param kind: of statement.
        :param issued: milliseconds since the epoch.
        """
        if issued <= self._issued(jid, resource, key).get(kind, 0):
            return False
        self._remember(jid, resource, key, kind, issued)
        return True

    def trust(self, jid: str, resource: str) -> Trust:
        """Return how far a device is trusted."""
        if (jid, resource) == self._own:
            return Trust.VERIFIED
        kept = self._kept.get(jid, {}).get(resource)
        seen = self._seen.get(jid, {}).get(resource)
        if kept is not None and seen is not None and seen.key != kept.key:
            return Trust.CHANGED
        if kept is None or kept.distrusted:
            return Trust.NONE
        if kept.verified is not None:
            return Trust.VERIFIED
        return self._trust_unverified(jid, resource, kept.key)

    def devices(self, jid: str) -> list[TrustedDevice]:
        """Return the known devices of an account, by resource."""
        resources = {*self._kept.get(jid, {}), *self._seen.get(jid, {})}
        return [self.device(jid, resource) for resource in sorted(resources)]

    def device(self, jid: str, resource: str) -> TrustedDevice:
        """Return what is known of a device, which may be nothing."""
        seen = self._seen.get(jid, {}).get(resource)
        key = self.key(jid, resource) if seen is None or seen.key else b""
        return TrustedDevice(jid, resource, key, self.trust(jid, resource))

    def accounts(self) -> list[str]:
        """Return the bare JIDs of which devices are known, sorted."""
        known = {jid for table in (self._kept, self._seen) for jid, held in table.items() if held}
        return sorted(known)

    def verify(self, jid: str, resource: str, key: bytes, at: float) -> None:
        """
        Keep a key as verified; it replaces another one.

        :param at: seconds since the epoch.
        """
        issued = self._issued(jid, resource, key)
        self._kept.setdefault(jid, {})[resource] = KeptKey(key, at, issued=dict(issued))

    def distrust(self, jid: str, resource: str) -> None:
        """Let a device count no longer, until it is verified."""
        kept = self._kept.get(jid, {}).get(resource)
        if kept is not None:
            self._kept[jid][resource] = replace(kept, verified=None, distrusted=True)

    def kept(self, jid: str, resource: str) -> KeptKey | None:
        """Return what is to be stored of a device; ``None`` for nothing."""
        return self._kept.get(jid, {}).get(resource)

    def verified_keys(self, jid: str) -> dict[str, bytes]:
        """Return the keys of an account's verified devices, by resource."""
        kept = self._kept.get(jid, {})
        return {r: k.key for r, k in sorted(kept.items()) if k.verified is not None}

    def _issued(self, jid: str, resource: str, key: bytes) -> Mapping[str, int]:
        kept = self._kept.get(jid, {}).get(resource)
        if kept is not None and kept.key == key:
            return kept.issued
        seen = self._seen.get(jid, {}).get(resource)
        return seen.issued if seen is not None and seen.key == key else {}

    def _remember(self, jid: str, resource: str, key: bytes, kind: str, issued: int) -> None:
        kept = self._kept.get(jid, {}).get(resource)
        if kept is not None and kept.key == key:
            if kept.issued.get(kind) != issued:
                self._kept[jid][resource] = replace(kept, issued={**kept.issued, kind: issued})
            return
        seen = self._seen.get(jid, {}).get(resource)
        if seen is not None and seen.key == key:
            seen.issued[kind] = issued

    def _keep(self, jid: str, resource: str, key: bytes) -> None:
        kept = self._kept.setdefault(jid, {})
        if resource not in kept:
            kept[resource] = KeptKey(key)
            dropped = self._bound(kept, {resource, *self.verified_keys(jid)})
            self.forgotten += [(jid, other) for other in dropped]

    def _trust_unverified(self, jid: str, resource: str, key: bytes) -> Trust:
        if self._is_vouched_for(jid, resource, key):
            return Trust.SIGNED
        if self._policy is TrustPolicy.VERIFIED or self._has_verified(jid):
            return Trust.NONE
        return Trust.BLIND

    def _is_vouched_for(self, jid: str, resource: str, key: bytes) -> bool:
        for other, verified in self.verified_keys(jid).items():
            seen = self._seen.get(jid, {}).get(other)
            if seen is not None and seen.key == verified and seen.vouched.get(resource) == key:
                return True
        return False

    def _has_verified(self, jid: str) -> bool:
        return any(kept.verified is not None for kept in self._kept.get(jid, {}).values())

    def _own_resource(self, jid: str) -> str:
        return self._own[1] if self._own is not None and self._own[0] == jid else ""

    @staticmethod
    def _bound(held: dict[str, Any], staying: set[str]) -> list[str]:
        """Remove the oldest entry if an account announces device after device."""
        oldest = next((r for r in held if r not in staying), None)
        if len(held) <= MAX_KEPT or oldest is None:
            return []
        del held[oldest]
        return [oldest]

"""The keys of devices, and the time of our own last statement."""

from __future__ import annotations

import json

from bitween.model.device_trust import KeptKey
from bitween.storage.sqlite import SqliteTables

_KEY_LENGTH = 32


class DeviceKeyTable(SqliteTables):
    """Stores which key each device signs with, and whether the user has verified it."""

    def devices(self) -> dict[tuple[str, str], KeptKey]:
        """The kept keys, by bare JID and resource; a damaged row is none."""
        rows = self._query(
            "SELECT device, key, verified, distrusted, issued FROM devices ORDER BY rowid"
        )
        kept = {}
        for device, key, verified, distrusted, issued in rows:
            if isinstance(device, str) and isinstance(key, bytes) and len(key) == _KEY_LENGTH:
                jid, _, resource = device.partition("/")
                at = float(verified) if isinstance(verified, int | float) else None
                kept[jid, resource] = KeptKey(key, at, bool(distrusted), _issued(issued))
        return kept

    def keep_device(self, jid: str, resource: str, kept: KeptKey) -> None:
        """Store what is known of a device; it replaces what was stored of it before."""
        issued = json.dumps(dict(kept.issued))
        self._write(
            "INSERT INTO devices VALUES (?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE SET"
            " key = excluded.key, verified = excluded.verified, distrusted = excluded.distrusted,"
            " issued = excluded.issued",
            (f"{jid}/{resource}", kept.key, kept.verified, kept.distrusted, issued),
        )

    def forget_device(self, jid: str, resource: str) -> None:
        """Delete what is stored of a device."""
        self._write("DELETE FROM devices WHERE device = ?", (f"{jid}/{resource}",))

    @property
    def last_issued(self) -> int:
        """A time that none of our statements has exceeded, in milliseconds since the epoch."""
        text = self._meta("last_issued") or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0

    @last_issued.setter
    def last_issued(self, issued: int) -> None:
        self._set_meta("last_issued", str(issued))


def _issued(text: object) -> dict[str, int]:
    try:
        values = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {kind: issued for kind, issued in values.items() if type(issued) is int}

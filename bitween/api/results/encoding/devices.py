"""The keys of devices as JSON."""

from __future__ import annotations

from bitween.api.results.shapes import devices as shapes
from bitween.crypto.signature import fingerprint
from bitween.model.device_trust import TrustedDevice
from bitween.model.text import printable

# A JID has three parts of at most 1023 bytes (RFC 7622 §3.1).
_MAX_JID = 3071


def device(device: TrustedDevice) -> shapes.Device:
    """One entry of ``devices.list``."""
    return {
        "jid": printable(device.jid, _MAX_JID),
        "resource": printable(device.resource, _MAX_JID),
        "fingerprint": fingerprint(device.key) if device.key else "",
        "trust": device.trust.value,
    }

"""Results of ``devices.``: the keys of devices."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.model.device_trust import Trust


class Device(TypedDict):
    """A device of a contact or of your own account."""

    jid: str
    resource: str
    fingerprint: Annotated[
        str, "64 hexadecimal digits, of which people compare the first 32; empty without a key"
    ]
    trust: Annotated[str, Trust]


class Devices(TypedDict):
    """Devices, by account and resource."""

    devices: list[Device]


class OwnDevice(TypedDict):
    """The daemon's own device, as others verify it."""

    jid: str
    resource: str
    fingerprint: str
    uri: Annotated[str, "a link that bitween verify takes"]
    qr: Annotated[list[str], "the link as a QR code: a text for each row, 1 for a dark module"]

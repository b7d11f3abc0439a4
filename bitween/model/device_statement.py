"""What a device states of itself in its announcement: its key, and how long that counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vouch:
    """
    A device's word for the key of another device of its account, whose fingerprint was compared.

    :param resource: the XMPP resource of that other device.
    :param key: its Ed25519 public key.
    """

    resource: str
    key: bytes


@dataclass(frozen=True, slots=True)
class DeviceStatement:
    """
    The signed part of an announcement, as it was read; whether it is true is checked elsewhere.

    :param key: the Ed25519 public key, 32 bytes.
    :param issued: milliseconds since the epoch.
    :param until: seconds since the epoch; the statement does not count after that.
    :param signature: 64 bytes; empty before it is signed.
    :param vouches: for other devices of the account.
    """

    key: bytes
    issued: int
    until: int
    signature: bytes = b""
    vouches: tuple[Vouch, ...] = ()

"""Checks the signatures of devices: Ed25519 (RFC 8032)."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

#: bytes of a device's public key.
KEY_LENGTH = 32
#: bytes of a signature.
SIGNATURE_LENGTH = 64

# Points of small order, without the sign of x: under them one signature fits many texts, and
# OpenSSL does not refuse them.
_WEAK = frozenset(
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """
    Whether the holder of a key signed these bytes.

    :param public: the Ed25519 public key; a malformed one signs nothing.
    """
    if len(public) != KEY_LENGTH or len(signature) != SIGNATURE_LENGTH or is_weak(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_weak(public: bytes) -> bool:
    """Whether signatures under a key of 32 bytes prove nothing."""
    return public[:-1] + bytes([public[-1] & 0x7F]) in _WEAK


def fingerprint(public: bytes) -> str:
    """Return the SHA-256 of a public key, 64 hexadecimal digits; people compare the first 32."""
    return hashlib.sha256(public).hexdigest()

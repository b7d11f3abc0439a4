"""Keys, signatures and secrets as text: base64url without padding (RFC 4648 §5)."""

from __future__ import annotations

import base64
import binascii
import re

from bitween.errors import InvalidValue

_ALPHABET = re.compile("[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: object, length: int) -> bytes:
    """
    Read base64url without padding.

    Two texts never mean the same bytes: bits that say nothing must be 0.

    :param text: what a contact sent; anything but such a text is refused.
    :param length: bytes that it must hold.
    :raises InvalidValue: if it is malformed, or of another length.
    """
    if not isinstance(text, str) or len(text) != -(-length * 4 // 3):
        raise InvalidValue(f"{length} bytes in base64url are expected")
    if not _ALPHABET.fullmatch(text):
        raise InvalidValue("a text is no base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise InvalidValue("a text is no base64url") from None
    if encode(data) != text:
        raise InvalidValue("a text in base64url ends in bits that are not 0")
    return data

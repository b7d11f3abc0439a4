"""A packed seal as a database holds it: a blob, null where there is none."""

from __future__ import annotations

from bitween.errors import InvalidValue
from bitween.model.seal import unpack


def read_seal(value: object) -> bytes:
    """Read a packed seal; a damaged one is none."""
    if not isinstance(value, bytes):
        return b""
    try:
        unpack(value)
    except InvalidValue:
        return b""
    return value

"""Which bytes of a representation a request asks for (RFC 9110 §14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(rb"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """
    Bytes that follow each other.

    :param start: of the first one, counted from 0.
    :param end: after the last one.
    """

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many there are."""
        return self.end - self.start


class Unsatisfiable(Exception):
    """None of the bytes that are asked for exists (RFC 9110 §15.5.17)."""


def asked_range(header: bytes | None, size: int) -> ByteRange | None:
    """
    Read a ``Range`` header.

    :param header: the value of the header; ``None`` if the request has none.
    :param size: bytes of the whole.
    :returns: ``None`` for the whole: where there is no header, or one that is malformed, speaks of
        other units than bytes or of several ranges, all of which may be ignored (§14.2).
    :raises Unsatisfiable: if the range begins after the last byte, or has no length.
    """
    found = _ONE_RANGE.fullmatch(header or b"")
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return ByteRange(int(first), min(int(last) + 1, size) if last else size)


def _suffix(length: bytes, size: int) -> ByteRange | None:
    if not length:
        return None
    if not int(length) or not size:
        raise Unsatisfiable
    return ByteRange(max(0, size - int(length)), size)

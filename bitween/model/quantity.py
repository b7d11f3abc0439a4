"""Parses sizes, rates and durations that people type."""

from __future__ import annotations

import re

from bitween.errors import InvalidValue
from bitween.model.text import printable

#: The largest size, and the largest rate that libtorrent accepts.
MAX_SIZE = 2**60
MAX_RATE = 2**31 - 1

_QUANTITY = re.compile(
    r"(?P<number>\d{1,19}(?:\.\d{1,9})?)\s?(?:(?P<unit>[kmgtKMGT])(?P<binary>i?))?B?", re.ASCII
)
_DURATION = re.compile(r"(?P<number>\d{1,6})\s?(?P<unit>[mhdw])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_EXPONENTS = {"k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """
    Parse a size: ``1000000``, ``500k``, ``1.5 MB``, ``2GiB``, or ``none`` for 0.

    :returns: bytes.
    :raises InvalidValue: if the text is not a size, or too large.
    """
    size = 0 if text == "none" else _parsed(text)
    if size is None or size > MAX_SIZE:
        raise InvalidValue.of("invalid_value.size", text=printable(text, 60))
    return size


def parse_rate(text: str) -> int:
    """
    Parse a rate: as a size, with or without ``/s``; ``none`` and 0 mean no limit.

    :returns: bytes/s.
    :raises InvalidValue: if the text is not a rate, or too high.
    """
    rate = 0 if text == "none" else _parsed(text.removesuffix("/s"))
    if rate is None or rate > MAX_RATE:
        raise InvalidValue.of("invalid_value.rate", text=printable(text, 60))
    return rate


def parse_duration(text: str) -> int:
    """
    Parse a duration: ``30m``, ``12h``, ``7d`` or ``2w``.

    :returns: seconds, at least one minute.
    :raises InvalidValue: if the text is not a duration.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = int(match["number"]) * _UNITS[match["unit"]] if match is not None else 0
    if not seconds:
        raise InvalidValue(f"{text!r} is not a duration", "use e.g. 30m, 12h, 7d or 2w")
    return seconds


def _parsed(text: str) -> int | None:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    if match["unit"] is None:
        return int(float(match["number"]))
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** _EXPONENTS[match["unit"].lower()])

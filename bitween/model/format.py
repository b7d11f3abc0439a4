"""Formats sizes, rates and times for people, and parses sizes and rates that they type."""

from __future__ import annotations

import re

from bitween.errors import InvalidValue

#: The largest size, and the largest rate that libtorrent accepts.
MAX_SIZE = 2**60
MAX_RATE = 2**31 - 1

_QUANTITY = re.compile(
    r"(?P<number>\d{1,19}(?:\.\d{1,9})?)\s?(?:(?P<unit>[kmgtKMGT])(?P<binary>i?))?B?", re.ASCII
)
_EXPONENTS = {"k": 1, "m": 2, "g": 3, "t": 4}

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def size_text(size: float | None) -> str:
    """Format a size in bytes; ``None`` is unknown."""
    if size is None:
        return "?"
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    return f"{size:.0f} B" if unit == 0 else f"{size:.3g} {_UNITS[unit]}"


def rate_text(rate: float | None) -> str:
    """Format a rate in bytes/s; no rate is an empty text."""
    return f"{size_text(rate)}/s" if rate else ""


def limit_text(limit: float) -> str:
    """Format a limit in bytes/s; 0 is no limit."""
    return rate_text(limit) or "unlimited"


def duration_text(seconds: float | None) -> str:
    """Format a duration in seconds; an unknown one is an empty text."""
    if seconds is None:
        return ""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def counted(count: int, thing: str) -> str:
    """Format a number of things in English: ``1 file``, ``1,000 files``."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def parse_size(text: str) -> int:
    """
    Parse a size: ``1000000``, ``500k``, ``1.5 MB``, ``2GiB``, or ``none`` for 0.

    :returns: bytes.
    :raises InvalidValue: if the text is not a size, or too large.
    """
    size = 0 if text == "none" else _parsed(text)
    if size is None or size > MAX_SIZE:
        raise InvalidValue(
            f"{text!r} is not a valid size", "use e.g. 1000000, 500k, 2M, or 0 for none"
        )
    return size


def parse_rate(text: str) -> int:
    """
    Parse a rate: as a size, with or without ``/s``; ``none`` and 0 mean no limit.

    :returns: bytes/s.
    :raises InvalidValue: if the text is not a rate, or too high.
    """
    rate = 0 if text == "none" else _parsed(text.removesuffix("/s"))
    if rate is None or rate > MAX_RATE:
        raise InvalidValue(
            f"{text!r} is not a valid rate", "use e.g. 500k, 2M or none: bytes per second"
        )
    return rate


def _parsed(text: str) -> int | None:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    if match["unit"] is None:
        return int(float(match["number"]))
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** _EXPONENTS[match["unit"].lower()])

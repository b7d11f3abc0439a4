"""Formats sizes, rates and times in English."""

from __future__ import annotations

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

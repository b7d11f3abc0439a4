"""What happened, in words for a person."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bitween.messages.quantities import duration_text, limit_text, rate_text, size_text

#: What the text of an error already says.
_FOR_PROGRAMS = frozenset({"reason", "detail", "values"})


def event_lines(event: Mapping[str, Any], name_of: Callable[[str], str | None]) -> Iterator[str]:
    """
    Describe an event in one line, or in one for each torrent that it is about.

    :param event: an event as ``events.poll`` returns it, with ``type``, ``time`` and ``data``.
    :param name_of: returns the name of one of our torrents by its hash; ``None`` if unknown.
    """
    when = local_time(event["time"])
    for part in event["data"].get("torrents", [event["data"]]):
        data = dict(part)
        if "hash" in data and "name" not in data and (name := name_of(data["hash"])):
            data = {"name": name, **data}
        facts = (
            f"{key}: {_value_text(key, value)}"
            for key, value in data.items()
            if _says(key, value) and key not in _FOR_PROGRAMS
        )
        yield "  ".join((when, event["type"], *facts))


def local_time(seconds: float) -> str:
    """
    A time since the epoch as one reads it.

    :param seconds: the time, in seconds since the epoch.
    :returns: ``YYYY-MM-DD HH:MM:SS`` in the local time zone.
    """
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _says(key: str, value: object) -> bool:
    """Whether a value tells anything: nothing is said of an error that there is none."""
    return value is not None and value not in ("", [], {}) and (key, value) != ("more", 0)


def _value_text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _NUMBERS.get(key, str)(value)
    if key == "shares" and isinstance(value, list):
        return ", ".join(f"{share['name']} ({size_text(share['size'])})" for share in value)
    if isinstance(value, dict):
        return _object_text(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object_text(value: Mapping[str, Any]) -> str:
    if isinstance(value.get("message"), str):
        return str(value["message"])
    if {"name", "hash"} <= value.keys():
        return f"{value['name']} ({value['hash']})"
    if value.keys() == {"upload", "download"}:
        return f"up {limit_text(value['upload'])}, down {limit_text(value['download'])}"
    return json.dumps(value, ensure_ascii=False)


def _percentage(part: float) -> str:
    return f"{int(100 * part)}%"


def _rate(rate: float) -> str:
    return rate_text(rate) or "0 B/s"


_NUMBERS: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        **dict.fromkeys(("since", "next_try", "added", "completed", "time"), local_time),
        **dict.fromkeys(
            ("size", "total_size", "wanted_size", "done", "total", "left", "uploaded"), size_text
        ),
        **dict.fromkeys(("rate", "download_rate", "upload_rate"), _rate),
        "eta": duration_text,
        "progress": _percentage,
    }
)

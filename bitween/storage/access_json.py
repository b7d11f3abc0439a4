"""Who may see a share, as a database holds it: a value for JSON."""

from __future__ import annotations

import math
from typing import Any

from bitween.errors import InvalidValue
from bitween.model.access import PRIVATE, Access, parse_audiences
from bitween.model.torrent import parse_info_hash


def access_value(access: Access) -> list[object]:
    """Encode who may see a share."""
    return [
        list(access.audiences),
        access.expires,
        access.listed,
        access.introductions,
        access.replaces,
        access.salt.hex(),
    ]


def read_access(value: Any) -> Access:
    """Decode what :func:`access_value` encoded; a damaged value is for the own devices only."""
    try:
        audiences, expires, listed, introductions, *replaced = value
        replaces, salt = [*replaced, None, None][:2]
        if not isinstance(audiences, list):
            return PRIVATE
        return Access(
            parse_audiences(audiences),
            _time(expires),
            listed is True,
            introductions is not False,
            None if replaces is None else parse_info_hash(replaces),
            bytes.fromhex(salt or ""),
        )
    except (ValueError, TypeError, InvalidValue):
        return PRIVATE


def _time(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("not a time")
    return float(value)

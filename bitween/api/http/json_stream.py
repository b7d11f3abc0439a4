"""JSON in pieces, so that the reactor has its turns while a large answer is made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

# ASCII only: so a lone surrogate, which UTF-8 cannot hold, comes back as it came.
encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class JsonArray:
    """
    An array that is made entry by entry.

    :param entries: each is encoded at once, save for those that are to come in pieces themselves.
        What they are made of may change while that goes on.
    """

    entries: Iterable[object]


@dataclass(frozen=True, slots=True)
class JsonObject:
    """
    An object that is made member by member.

    :param pairs: names and values; see :class:`JsonArray`.
    """

    pairs: Iterable[tuple[str, object]]


def pieces(value: object) -> Iterator[str]:
    """
    Encode a value; what is large has to consist of :class:`JsonArray` and :class:`JsonObject`.

    :raises ValueError: if it holds what JSON cannot, or ...
    :raises TypeError: ... what is no value of JSON at all.
    """
    match value:
        case JsonArray(entries=entries):
            return _enclosed("[", map(pieces, entries), "]")
        case JsonObject(pairs=pairs):
            return _enclosed("{", (chain([f"{encode(k)}:"], pieces(v)) for k, v in pairs), "}")
        case _:
            return iter([encode(value)])


def _enclosed(opening: str, parts: Iterable[Iterable[str]], closing: str) -> Iterator[str]:
    before = ""
    yield opening
    for part in parts:
        yield before
        yield from part
        before = ","
    yield closing

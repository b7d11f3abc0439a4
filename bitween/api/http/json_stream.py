"""JSON that is encoded part by part, so that a large answer does not block the reactor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

# ASCII only: a lone surrogate, which UTF-8 cannot hold, survives the way to the client and back.
encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class JsonArray:
    """
    An array that is encoded entry by entry.

    :param entries: each is encoded in one step, unless it is a :class:`JsonArray` or
        :class:`JsonObject` itself.  Between the steps the data behind them may change.
    """

    entries: Iterable[object]


@dataclass(frozen=True, slots=True)
class JsonObject:
    """
    An object that is encoded member by member.

    :param pairs: names and values; see :class:`JsonArray`.
    """

    pairs: Iterable[tuple[str, object]]


def json_parts(value: object) -> Iterator[str]:
    """
    Encode a value; its large parts have to be :class:`JsonArray` or :class:`JsonObject`.

    :returns: the parts of the text, in order; each is encoded when it is taken.
    :raises ValueError: if it holds a value that JSON does not have, such as NaN.
    :raises TypeError: if it holds an object that is not a value of JSON.
    """
    match value:
        case JsonArray(entries=entries):
            return _enclosed("[", map(json_parts, entries), "]")
        case JsonObject(pairs=pairs):
            return _enclosed("{", (chain([f"{encode(k)}:"], json_parts(v)) for k, v in pairs), "}")
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

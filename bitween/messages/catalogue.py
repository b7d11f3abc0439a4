"""Looks up the texts of messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pkgutil import get_data
from string import Formatter
from typing import Any, TypedDict

from bitween.messages import Value
from bitween.messages.quantities import size_text


class Plural(TypedDict):
    """The forms of a text that depends on the value ``n``."""

    one: str
    other: str


class Message(TypedDict, total=False):
    """A line of a language's file."""

    text: str | Plural
    fix: str


#: The languages that have a file.
LANGUAGES = ("en", "de")


def source(language: str) -> bytes:
    """Read the file of a language: JSON, an object with a :class:`Message` for each id."""
    content = get_data(__package__, f"{language}.json")
    assert content is not None
    return content


def load_english() -> None:
    """
    Read the English texts now.

    A process that runs for long does so at its start: an upgrade may replace the file meanwhile.
    """
    _english()


def english(id_: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """
    Fill in a message in English.

    :param values: the values of its places by name; others are ignored.
    :returns: the text, and what helps, which may be empty.
    :raises KeyError: if there is no such message, or a value is missing.
    """
    message = _english()[id_]
    text = message["text"]
    if not isinstance(text, str):
        text = text["one" if values["n"] == 1 else "other"]
    formatter = _Formatter()
    return (
        formatter.vformat(text, (), values),
        formatter.vformat(message.get("fix", ""), (), values),
    )


@cache
def _english() -> Mapping[str, Message]:
    messages: Mapping[str, Message] = json.loads(source("en"))
    return messages


def _plain(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:,}"


_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "": _plain,
    "size": size_text,
    "duration": lambda seconds: f"{seconds:,.0f} s",
}


class _Formatter(Formatter):
    def format_field(self, value: Value, format_spec: str) -> str:
        return _FORMATS[format_spec](value)

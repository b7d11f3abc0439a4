"""The messages, as tests compare them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from string import Formatter

from bitween.messages.catalogue import Message, source


def read_messages(language: str) -> dict[str, Message]:
    """
    Read every line of a language's file.

    :raises AssertionError: if an id is there twice.
    """

    def unique(pairs: list[tuple[str, Message]]) -> dict[str, Message]:
        ids = [id_ for id_, _ in pairs]
        assert len(set(ids)) == len(ids), sorted(id_ for id_ in set(ids) if ids.count(id_) > 1)
        return dict(pairs)

    messages: dict[str, Message] = json.loads(source(language), object_pairs_hook=unique)
    return messages


def forms(message: Message) -> Iterator[str]:
    """Iterate over the text of a message, or its forms, and the fix if there is one."""
    text = message["text"]
    if isinstance(text, str):
        yield text
    else:
        yield text["one"]
        yield text["other"]
    if "fix" in message:
        yield message["fix"]


def places(text: str) -> set[str]:
    """The names of the places in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def values(message: Message) -> set[str]:
    """The names of the values that a message needs."""
    return {name for form in forms(message) for name in places(form)}

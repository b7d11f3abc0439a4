"""The files of a folder that are not shared, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

#: The most skipped entries that are named; the others are only counted.
MOST_NAMED = 50


class Why(StrEnum):
    """Why an entry of a folder is skipped without the user asking for it."""

    NOT_UTF8 = "not_utf8"
    TOO_LONG = "too_long"
    PADDING = "padding"
    UNREADABLE = "unreadable"
    EMPTY_FOLDER = "empty_folder"
    LINK_TO_FOLDER = "link_to_folder"
    LINK_OUTSIDE = "link_outside"
    BROKEN_LINK = "broken_link"
    SPECIAL = "special"
    PRIVATE = "private"

    @property
    def text(self) -> str:
        """The reason as text."""
        return _TEXTS[self]


_TEXTS: Mapping[Why, str] = MappingProxyType(
    {
        Why.NOT_UTF8: "its name is not UTF-8",
        Why.TOO_LONG: "its path is too long or too deep",
        Why.PADDING: "BitTorrent programs take a file of that name for padding",
        Why.UNREADABLE: "it may not be read",
        Why.EMPTY_FOLDER: "an empty folder",
        Why.LINK_TO_FOLDER: "a symbolic link to a folder",
        Why.LINK_OUTSIDE: "a symbolic link out of the shared folder",
        Why.BROKEN_LINK: "a symbolic link to nothing",
        Why.SPECIAL: "a pipe, socket or device",
        Why.PRIVATE: "bitween keeps its own secrets there",
    }
)


@dataclass(frozen=True, slots=True)
class LeftOutEntry:
    """
    A file or folder that is skipped.

    :param path: relative to the shared folder, printable.
    """

    path: str
    why: Why


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    All entries of a folder that are skipped.

    :param entries: the first ones.
    :param total: their number.
    """

    entries: tuple[LeftOutEntry, ...] = ()
    total: int = 0

    def __str__(self) -> str:
        named = [f"'{entry.path}' ({entry.why.text})" for entry in self.entries]
        more = self.total - len(named)
        return ", ".join([*named, f"and {more} more"] if more else named)

    def first(self, count: int) -> LeftOut:
        """The same, with fewer entries named."""
        return LeftOut(self.entries[:count], self.total)


NOTHING_LEFT_OUT = LeftOut()

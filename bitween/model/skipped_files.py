"""What of a folder is not shared, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

#: How many of the entries that are left out are named; the others are counted.
MOST_NAMED = 50


class Why(StrEnum):
    """Why something in a folder is left out, though the person did not ask for that."""

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
        """The same in words."""
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
    A file or folder that is left out.

    :param path: below the shared folder, fit to be shown.
    """

    path: str
    why: Why


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    Everything of a folder that is left out.

    :param entries: the first ones.
    :param total: how many there are.
    """

    entries: tuple[LeftOutEntry, ...] = ()
    total: int = 0

    def __str__(self) -> str:
        named = [f"'{entry.path}' ({entry.why.text})" for entry in self.entries]
        more = self.total - len(named)
        return ", ".join([*named, f"and {more} more"] if more else named)

    def first(self, count: int) -> LeftOut:
        """The same, naming no more than so many."""
        return LeftOut(self.entries[:count], self.total)


NOTHING_LEFT_OUT = LeftOut()

"""A setting of the daemon, with its origin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Where the value of a setting comes from."""

    COMMAND_LINE = "command line"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """
    A setting and its value.

    :param name: as on the command line and in the file.
    :param value: a tuple for a setting that may be repeated; ``None`` if it has no value.
    :param changeable: whether it can be changed while the daemon runs.
    """

    name: str
    value: str | bool | tuple[str, ...] | None
    origin: Origin
    changeable: bool = False

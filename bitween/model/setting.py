"""One thing that whoever runs the daemon can set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Where a setting comes from."""

    COMMAND_LINE = "command line"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """
    What something is set to.

    :param name: as the command line and the file have it.
    :param value: several of a setting that may be repeated; ``None`` for nothing.
    :param changeable: whether it can be changed while the daemon runs.
    """

    name: str
    value: str | bool | tuple[str, ...] | None
    origin: Origin
    changeable: bool = False

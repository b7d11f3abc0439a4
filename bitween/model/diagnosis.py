"""The outcome of a check of whatever connects us with our contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bitween.messages import Value
from bitween.messages.catalogue import english
from bitween.model.route import Obstacle


class Verdict(StrEnum):
    """The result of a check."""

    GOOD = "good"
    WARNING = "warning"  # it works, but not as well as it could
    BAD = "bad"
    UNKNOWN = "unknown"  # it could not be checked


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The outcome of one check.

    :param id: the id of its message: the check, the verdict, and if these leave it open a detail,
        such as ``disk.bad.closed``.
    :param values: the variable parts of the message by name.
    :param text: the finding in one line.
    :param fix: what the user can do, in one line; empty if nothing.
    :param obstacles: what the value ``reason`` sums up, for example why there is no better route.
    """

    id: str
    values: Mapping[str, Value]
    text: str
    fix: str
    obstacles: tuple[Obstacle, ...] = ()

    @classmethod
    def of(cls, id_: str, /, *, obstacles: tuple[Obstacle, ...] = (), **values: Value) -> Self:
        """Make a finding that says a message (:mod:`bitween.messages`)."""
        return cls(id_, values, *english(id_, values), obstacles)

    @property
    def check(self) -> str:
        """The name of the check: ``log-in``, ``certificate``, ``disk``, ..."""
        return self.id.split(".")[0]

    @property
    def verdict(self) -> Verdict:
        """How it went."""
        return Verdict(self.id.split(".")[1])

    @property
    def detail(self) -> str:
        """What tells this finding from others of its check and verdict; may be empty."""
        return ".".join(self.id.split(".")[2:])

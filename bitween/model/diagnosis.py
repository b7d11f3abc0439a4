"""The outcome of a check of whatever connects us with our contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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

    :param check: a stable name: ``log-in``, ``certificate``, ``disk``, ...
    :param text: the finding in one line.
    :param fix: what the user can do, in one line; empty if nothing.
    :param detail: a stable name of the finding, where check and verdict leave it open.
    :param values: the variable parts of ``text`` by name, for translations.
    :param obstacles: why there is no better route, if a route was checked.
    """

    check: str
    verdict: Verdict
    text: str
    fix: str = ""
    detail: str = ""
    values: Mapping[str, str | float] = field(default_factory=dict)
    obstacles: tuple[Obstacle, ...] = ()

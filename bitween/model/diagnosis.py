"""What was found about a part of the way between us and our contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bitween.model.route import Obstacle


class Verdict(StrEnum):
    """How it stands with something."""

    GOOD = "good"
    WARNING = "warning"  # it works without, less well
    BAD = "bad"
    UNKNOWN = "unknown"  # it could not be looked at


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The outcome of one check.

    :param check: what was looked at, a stable name: ``log-in``, ``certificate``, ``disk``, ...
    :param text: what was found, in one line.
    :param fix: what can be done about it, in one line; empty if there is nothing to be done.
    :param detail: what was found, a word that stays, where check and verdict alone leave it open.
    :param values: what ``text`` holds beside that, by name, so that it can be told in other
        languages, too.
    :param obstacles: why there is no better way, of a check of one.
    """

    check: str
    verdict: Verdict
    text: str
    fix: str = ""
    detail: str = ""
    values: Mapping[str, str | float] = field(default_factory=dict)
    obstacles: tuple[Obstacle, ...] = ()

"""What was found about a part of the way between us and our contacts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    """

    check: str
    verdict: Verdict
    text: str
    fix: str = ""

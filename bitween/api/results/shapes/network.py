"""Results of ``net.``: routes to contacts, and what stands in their way."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.model.diagnosis import Verdict

#: What is said of the way to somebody; see :class:`bitween.model.route.Rung`.
REACH = "lan, ipv6, ipv4, mapped, punched, relay, in_band or none; null before that is known"


class Obstacle(TypedDict):
    """Why there is no better way to somebody; there may be several reasons."""

    text: str
    fix: Annotated[str | None, "what would help"]
    kind: Annotated[str | None, "what kind of error it was, as ErrorData's reason; null for none"]
    detail: Annotated[str | None, "what exactly it is, one word; null where only text tells"]
    values: Annotated[dict[str, str | int], "what text tells beside that, by name"]


class Way(TypedDict):
    """How a resource of a contact is reached, or why it is not."""

    reach: Annotated[str | None, REACH]
    text: Annotated[str | None, "the same in words"]
    reason: Annotated[str | None, "why there is no better way, or none at all"]
    fix: Annotated[str | None, "what would help"]
    because: Annotated[list[Obstacle], "what reason and fix are made of"]


class Finding(TypedDict):
    """The outcome of one check."""

    check: Annotated[str, "what was looked at, a name that stays"]
    verdict: Annotated[str, Verdict]
    text: str
    fix: Annotated[str | None, "what can be done about it"]
    detail: Annotated[str | None, "what was found, one word; null where check and verdict say it"]
    values: Annotated[dict[str, str | float], "what text tells beside that, by name"]
    because: Annotated[list[Obstacle], "of a way, why there is no better one"]


class Diagnosis(TypedDict):
    """How it stands with the way between us and our contacts."""

    findings: list[Finding]

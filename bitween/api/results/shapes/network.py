"""Results of ``net.``: routes to contacts, and what stands in their way."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.model.diagnosis import Verdict

#: The values of a reach; see :class:`bitween.model.route.RouteKind`.
REACH = "lan, ipv6, ipv4, mapped, punched, relay, in_band or none; null until known"


class Obstacle(TypedDict):
    """One reason why there is no better route to a device."""

    text: str
    fix: Annotated[str | None, "how to fix it"]
    id: Annotated[str | None, "which obstacle it is; null if only the text says it"]
    kind: Annotated[
        str | None, "the kind of error, as the reason of ErrorData; null if it was no error"
    ]
    detail: Annotated[str | None, "the end of the id, one word"]
    values: Annotated[dict[str, str | float], "the variable parts of text and fix, by name"]


class Way(TypedDict):
    """The route to a device of a contact, or why there is none."""

    reach: Annotated[str | None, REACH]
    text: Annotated[str | None, "the same as text"]
    reason: Annotated[str | None, "why there is no better route, or none at all"]
    fix: Annotated[str | None, "how to fix it"]
    because: Annotated[list[Obstacle], "the single reasons that reason and fix summarize"]


class Finding(TypedDict):
    """The outcome of one check."""

    check: Annotated[str, "the name of the check, which does not change"]
    verdict: Annotated[str, Verdict]
    text: str
    fix: Annotated[str | None, "how to fix it"]
    id: Annotated[str, "which finding it is: the check, the verdict and the detail"]
    detail: Annotated[str | None, "the exact finding, one word; null if check and verdict say it"]
    values: Annotated[dict[str, str | float], "the variable parts of text and fix, by name"]
    because: Annotated[list[Obstacle], "the single reasons that the value reason sums up"]


class Diagnosis(TypedDict):
    """The outcomes of all checks."""

    findings: list[Finding]

"""Routes to contacts, and findings about them, as JSON."""

from __future__ import annotations

from bitween.api.results.faults import reason_of
from bitween.api.results.shapes import network as shapes
from bitween.model.diagnosis import Finding
from bitween.model.route import Obstacle, Route


def finding(finding: Finding) -> shapes.Finding:
    """One of ``net.diagnose``."""
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "text": finding.text,
        "fix": finding.fix or None,
        "id": finding.id,
        "detail": finding.detail or None,
        "values": dict(finding.values),
        "because": [obstacle(o) for o in finding.obstacles],
    }


def route(route: Route) -> shapes.Way:
    """The route to a device of a contact, or why there is none."""
    return {
        "reach": reach(route),
        "text": route.text or None,
        "reason": route.reason or None,
        "fix": route.fix or None,
        "because": [obstacle(o) for o in route.obstacles],
    }


def reach(route: Route) -> str | None:
    """The kind of a route, ``none`` if there is none, ``None`` while it is not known."""
    if route.kind is not None:
        return route.kind.value
    return "none" if route.reason else None


def obstacle(obstacle: Obstacle) -> shapes.Obstacle:
    """Why there is no better route."""
    return {
        "text": obstacle.reason,
        "fix": obstacle.fix or None,
        "id": obstacle.id or None,
        "kind": None if obstacle.error is None else reason_of(obstacle.error),
        "detail": obstacle.id.partition(".")[2] or None,
        "values": dict(obstacle.values),
    }

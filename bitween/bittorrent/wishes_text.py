"""What is wanted of a torrent as the database holds it: JSON, of what is not as usual."""

from __future__ import annotations

import json
from typing import Any

from bitween.model.wishes import Limits, Selection, Wishes


def wishes_text(wishes: Wishes) -> str | None:
    """Write wishes; ``None`` where there are none."""
    values: dict[str, object] = {}
    if wishes.paused:
        values["paused"] = True
    if wishes.kept:
        values["kept"] = True
    if wishes.rank:
        values["rank"] = wishes.rank
    if wishes.selection != Selection():
        selection = wishes.selection
        values["files"] = [sorted(selection.skipped), selection.first, selection.sequential]
    if wishes.limits != Limits():
        values["limits"] = [wishes.limits.upload, wishes.limits.download]
    return json.dumps(values) if values else None


def read_wishes(text: str | None) -> Wishes:
    """Read what :func:`wishes_text` wrote; of what is damaged nothing is kept."""
    try:
        return _wishes(json.loads(text or "{}"))
    except (ValueError, TypeError, AttributeError):
        return Wishes()


def _wishes(values: dict[str, Any]) -> Wishes:
    skipped, first, sequential = values.get("files", ((), (), False))
    return Wishes(
        paused=values.get("paused", False),
        kept=values.get("kept", False),
        rank=values.get("rank", 0),
        selection=Selection(frozenset(skipped), tuple(first), sequential),
        limits=Limits(*values.get("limits", (0, 0))),
    )

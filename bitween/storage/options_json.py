"""What is wanted of a torrent as the database holds it: JSON, of what is not as usual."""

from __future__ import annotations

import json
from typing import Any

from bitween.model.format import MAX_RATE
from bitween.model.torrent_options import Limits, Selection, TorrentOptions


def wishes_text(wishes: TorrentOptions) -> str | None:
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


def read_wishes(text: str | None) -> TorrentOptions:
    """Read what :func:`wishes_text` wrote; of what is damaged nothing is kept."""
    try:
        return _wishes(json.loads(text or "{}"))
    except (ValueError, TypeError, AttributeError):
        return TorrentOptions()


def _wishes(values: dict[str, Any]) -> TorrentOptions:
    skipped, first, sequential = values.get("files", ((), (), False))
    rank, limits = values.get("rank", 0), values.get("limits", (0, 0))
    if not all(type(number) is int for number in (*skipped, *first, *limits, rank)):
        raise TypeError("not a number")
    return TorrentOptions(
        paused=bool(values.get("paused", False)),
        kept=bool(values.get("kept", False)),
        rank=rank,
        selection=Selection(frozenset(skipped), tuple(first), bool(sequential)),
        limits=Limits(*(min(max(0, limit), MAX_RATE) for limit in limits)),
    )

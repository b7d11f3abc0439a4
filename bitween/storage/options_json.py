"""The options of a torrent as the database stores them: JSON of those that are not the default."""

from __future__ import annotations

import json
from typing import Any

from bitween.model.access import OPEN, PRIVATE
from bitween.model.quantity import MAX_RATE
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from bitween.storage.access_json import access_value, read_access
from bitween.storage.annotation_json import annotation_text, read_annotation


def options_text(options: TorrentOptions) -> str | None:
    """Encode options; ``None`` for the default ones."""
    values: dict[str, object] = {}
    if options.paused:
        values["paused"] = True
    if options.ignore_seed_limits:
        values["kept"] = True
    if options.queue_position:
        values["rank"] = options.queue_position
    if options.selection != Selection():
        selection = options.selection
        values["files"] = [sorted(selection.skipped), selection.first, selection.sequential]
    if options.limits != Limits():
        values["limits"] = [options.limits.upload, options.limits.download]
    if options.annotation:
        values["annotation"] = annotation_text(options.annotation)
    if options.access != OPEN:
        values["access"] = access_value(options.access)
    return json.dumps(values) if values else None


def read_options(text: str | None) -> TorrentOptions:
    """
    Decode what :func:`options_text` encoded.

    Damaged text gives the default options, but a private share: nobody knows who may see it.
    """
    try:
        return _options_of(json.loads(text or "{}"))
    except (ValueError, TypeError, AttributeError):
        return TorrentOptions(access=PRIVATE)


def _options_of(values: dict[str, Any]) -> TorrentOptions:
    skipped, first, sequential = values.get("files", ((), (), False))
    rank, limits = values.get("rank", 0), values.get("limits", (0, 0))
    if not all(type(number) is int for number in (*skipped, *first, *limits, rank)):
        raise TypeError("not a number")
    return TorrentOptions(
        paused=bool(values.get("paused", False)),
        ignore_seed_limits=bool(values.get("kept", False)),
        queue_position=rank,
        selection=Selection(frozenset(skipped), tuple(first), bool(sequential)),
        limits=Limits(*(min(max(0, limit), MAX_RATE) for limit in limits)),
        annotation=read_annotation(values.get("annotation")),
        access=read_access(values["access"]) if "access" in values else OPEN,
    )

"""Metainfo of files, without a process of its own."""

from __future__ import annotations

import base64
from typing import Any

from bitween.files.hashing.worker import hash_path
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import Metainfo, parse_info_hash


def metainfo(path: str, strict: bool = False) -> Metainfo:
    """
    Hash a path here and now.

    :param strict: whether to refuse a folder with entries that cannot be shared.
    :raises BitweenError: if it cannot be shared.
    """
    hashed: dict[str, Any] = hash_path(path, lambda *_: None, strict=strict)
    entries = tuple(LeftOutEntry(entry, Why(why)) for entry, why in hashed["left_out"])
    return Metainfo(
        info_hash=parse_info_hash(hashed["info_hash"]),
        name=hashed["name"],
        total_size=hashed["total_size"],
        torrent_file=base64.b64decode(hashed["torrent_file"]),
        left_out=LeftOut(entries, hashed["left_out_total"]),
    )

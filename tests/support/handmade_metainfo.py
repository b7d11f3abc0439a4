"""Metadata that bitween itself would not make."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from bitween.model.metainfo import bencode
from bitween.model.torrent import InfoHash, Metainfo

CONTENT = bytes(range(256)) * 300


def hostile(name: bytes, paths: Sequence[Sequence[bytes]], **extra: bytes) -> Metainfo:
    """Metadata by hand; every file holds :data:`CONTENT`."""
    files = [{"length": len(CONTENT), "path": path, **extra} for path in paths]
    return by_hand({"name": name, "files": files}, len(paths))


def link(path: Sequence[bytes], *target: bytes) -> dict[str, Any]:
    """A symbolic link, in metadata (BEP 47)."""
    return {"length": 0, "path": path, "attr": b"l", "symlink path": target}


def by_hand(info: dict[str, Any], count: int) -> Metainfo:
    """Metadata of so many files that hold :data:`CONTENT`."""
    content = CONTENT * count
    size = 16_384
    pieces = b"".join(
        hashlib.sha1(content[start : start + size], usedforsecurity=False).digest()
        for start in range(0, len(content), size)
    )
    encoded = bencode({**info, "piece length": size, "pieces": pieces})
    info_hash = InfoHash(hashlib.sha1(encoded, usedforsecurity=False).hexdigest())
    return Metainfo(info_hash, "hostile", len(content), b"d4:info%be" % encoded)

"""Paths on this machine's disks that bitween can use."""

from __future__ import annotations

from bitween.errors import BadPath
from bitween.model.text import is_utf8, quoted, visible


def checked_utf8(path: str) -> str:
    """
    Give back a path that BitTorrent can name.

    :raises BadPath: if it is not UTF-8, as a path on Linux need not be.
    """
    if not is_utf8(path):
        raise BadPath(
            f"{quoted(path)} is not UTF-8",
            "rename what is not: BitTorrent takes no other names",
            detail="encoding",
            values={"path": visible(path, len(path))},
        )
    return path

"""Checks paths of this machine's disks."""

from __future__ import annotations

from bitween.errors import BadPath
from bitween.model.text import is_utf8, visible_path


def checked_utf8(path: str) -> str:
    """
    Return a path unchanged if BitTorrent can name it.

    :raises BadPath: if it is not UTF-8; a path on Linux need not be.
    """
    if not is_utf8(path):
        raise BadPath.of("bad_path.encoding", path=visible_path(path))
    return path

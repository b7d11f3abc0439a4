"""What a .torrent file says without libtorrent: its info-hash (BEP 3)."""

from __future__ import annotations

import hashlib

from bitween.errors import InvalidValue
from bitween.model.torrent import InfoHash

#: How the name of such a file ends.
SUFFIX = ".torrent"
#: Bytes; more than any such file has.
MAX_LENGTH = 32 * 2**20

_MAX_DEPTH = 100
_MAX_DIGITS = 20


def info_hash_of(content: bytes) -> InfoHash:
    """
    The info-hash of what a .torrent file describes.

    :raises InvalidValue: if it is no such file.
    """
    try:
        start, end = _span_of_info(content)
    except (ValueError, IndexError):
        raise InvalidValue("this is no .torrent file") from None
    return InfoHash(hashlib.sha1(content[start:end], usedforsecurity=False).hexdigest())


def _span_of_info(content: bytes) -> tuple[int, int]:
    """Where the value of ``info`` in the outermost dictionary begins and ends."""
    if content[:1] != b"d":
        raise ValueError("no dictionary")
    position = 1
    while content[position] != ord("e"):
        key_end = _end(content, position)
        value_end = _end(content, key_end)
        if content[position:key_end] == b"4:info" and content[key_end] == ord("d"):
            return key_end, value_end
        position = value_end
    raise ValueError("no info")


def _end(content: bytes, position: int) -> int:
    """
    Where the value that begins at a position ends.

    :raises ValueError: if nothing that makes sense begins there.
    :raises IndexError: if the content ends before it.
    """
    depth = 0
    while True:
        kind = content[position : position + 1]
        if kind in (b"d", b"l"):
            depth += 1
            position += 1
        elif kind == b"e" and depth:
            depth -= 1
            position += 1
        elif kind == b"i":
            position = content.index(b"e", position) + 1
        else:
            colon = content.index(b":", position, position + _MAX_DIGITS)
            position = colon + 1 + int(content[position:colon])
        if position > len(content) or depth > _MAX_DEPTH:
            raise IndexError
        if not depth:
            return position

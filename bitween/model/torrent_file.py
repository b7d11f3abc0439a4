"""Reads the info-hash of a .torrent file without libtorrent (BEP 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Generator

from bitween.errors import InvalidValue
from bitween.model.torrent import InfoHash

#: The suffix of a .torrent file's name.
SUFFIX = ".torrent"
#: The most bytes of a .torrent file; larger than any real one.
MAX_LENGTH = 32 * 2**20

_MAX_DEPTH = 100
_MAX_DIGITS = 20
# Values that one step reads, in some hundred microseconds.
_STEP = 500


def reading_info_hash(content: bytes) -> Generator[None, None, InfoHash]:
    """
    Find the info-hash of a .torrent file in steps, because the file may be hostile.

    :raises InvalidValue: if the content is not a .torrent file.
    """
    try:
        start, end = yield from _finding_info(content)
    except (ValueError, IndexError):
        raise InvalidValue.of("invalid_value.torrent_file") from None
    return InfoHash(hashlib.sha1(content[start:end], usedforsecurity=False).hexdigest())


def info_hash_of(content: bytes) -> InfoHash:
    """Do the same as :func:`reading_info_hash`, at once."""
    steps = reading_info_hash(content)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            info_hash: InfoHash = end.value
            return info_hash


def _finding_info(content: bytes) -> Generator[None, None, tuple[int, int]]:
    """Find where the value of ``info`` in the outermost dictionary begins and ends."""
    if content[:1] != b"d":
        raise ValueError("no dictionary")
    position = 1
    while content[position] != ord("e"):
        key_end = yield from _finding_end(content, position)
        value_end = yield from _finding_end(content, key_end)
        if content[position:key_end] == b"4:info" and content[key_end] == ord("d"):
            return key_end, value_end
        position = value_end
        yield
    raise ValueError("no info")


def _finding_end(content: bytes, position: int) -> Generator[None, None, int]:
    """
    Find where the value that begins at a position ends.

    :raises ValueError: if no bencoded value begins there.
    :raises IndexError: if the content ends before the value does.
    """
    depth = count = 0
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
            digits = content[position:colon]
            if not digits.isdigit():
                # A negative length would lead backwards, into an endless loop.
                raise ValueError("no length")
            position = colon + 1 + int(digits)
        if position > len(content) or depth > _MAX_DEPTH:
            raise IndexError
        if not depth:
            return position
        count += 1
        if count % _STEP == 0:
            yield

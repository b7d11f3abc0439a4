"""
The stat signature of a torrent's files: their sizes and modification times.

Files with the same signature are taken to have the same content.  Two signatures are compared as
texts.  A text is ``DIGEST:TIMES``: a digest of all sizes and times, and the time of each file, so
that which file has changed can be told.  Texts that bitween 0.1 wrote have no times.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence

_TIME = 8  # bytes
_MASK = (1 << 8 * _TIME) - 1


class StatSignature:
    """Builds a signature, file by file; it does not read their content."""

    def __init__(self) -> None:
        """Begin with no file."""
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._times = bytearray()

    def add(self, found: os.stat_result) -> None:
        """Add the next file."""
        self._digest.update(b"%d %d\n" % (found.st_size, found.st_mtime_ns))
        self._times += time_of(found)

    @property
    def text(self) -> str:
        """The signature of the files so far; their order counts."""
        return f"{self._digest.hexdigest()}:{base64.b64encode(self._times).decode('ascii')}"


def invalidated(signature: str | None) -> str:
    """
    A signature that equals that of no files, and still holds the time of each file.

    :param signature: ``None`` if there is none.
    """
    return ":" + (signature or "").partition(":")[2]


def with_times(signature: str | None, now: str) -> str | None:
    """
    Give a signature of bitween 0.1 the times of the files.

    :param signature: as it was stored; ``None`` if there is none.
    :param now: the signature of the files as they are now; if they have not changed, it replaces
        the one without times.
    """
    return now if signature and signature == now.partition(":")[0] else signature


def file_times(signature: str) -> Sequence[bytes]:
    """
    The time of each file, as :func:`time_of` returns it; empty if they are unknown.

    A damaged signature holds no times.
    """
    try:
        raw = base64.b64decode(signature.partition(":")[2])
    except ValueError:
        return ()
    return [raw[start : start + _TIME] for start in range(0, len(raw), _TIME)]


def time_of(found: os.stat_result) -> bytes:
    """
    The modification time of a file, to compare with another one.

    Not to compare with a clock, which can be set back.
    """
    return (found.st_mtime_ns & _MASK).to_bytes(_TIME, "big")

"""What the daemon says to the process that writes an upload: frames on its standard input."""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import BinaryIO

_HEAD = struct.Struct("!cI")


class FrameKind(Enum):
    """What a frame says."""

    #: A file begins; its path below the upload, as a list of names in JSON.
    FILE = b"f"
    #: Bytes of it.
    DATA = b"d"
    #: It is complete.
    END = b"e"
    #: The upload is complete; in JSON, the names that are taken though nothing lies there yet.
    KEEP = b"k"


def head(kind: FrameKind, length: int) -> bytes:
    """What comes before the content of a frame."""
    return _HEAD.pack(kind.value, length)


def frame(kind: FrameKind, value: object) -> bytes:
    """A frame that holds a value of JSON."""
    content = json.dumps(value).encode("ascii")
    return head(kind, len(content)) + content


def read_frame(stream: BinaryIO) -> tuple[FrameKind, bytes] | None:
    """Read a frame; ``None`` when there are no more."""
    start = stream.read(_HEAD.size)
    if len(start) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack(start)
    content = stream.read(length)
    return (FrameKind(kind), content) if len(content) == length else None

"""The frames that the daemon sends to the process that writes an upload, on its standard input."""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import BinaryIO

_HEAD = struct.Struct("!cI")


class FrameKind(Enum):
    """The kinds of frame."""

    #: A file begins; its path below the upload, as a list of names in JSON.
    FILE = b"f"
    #: Bytes of the file.
    DATA = b"d"
    #: The file is complete.
    END = b"e"
    #: The upload is complete; in JSON, names that are reserved although nothing has them yet.
    KEEP = b"k"


def head(kind: FrameKind, length: int) -> bytes:
    """
    The head of a frame, before its content.

    :param length: bytes of the content.
    """
    return _HEAD.pack(kind.value, length)


def frame(kind: FrameKind, value: object) -> bytes:
    """
    A frame whose content is JSON.

    :param value: the content, before it is encoded.
    """
    content = json.dumps(value).encode("ascii")
    return head(kind, len(content)) + content


def read_frame(stream: BinaryIO) -> tuple[FrameKind, bytes] | None:
    """
    Read a frame.

    :returns: the kind and the content; ``None`` at the end, also if it cuts a frame short.
    """
    start = stream.read(_HEAD.size)
    if len(start) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack(start)
    content = stream.read(length)
    return (FrameKind(kind), content) if len(content) == length else None

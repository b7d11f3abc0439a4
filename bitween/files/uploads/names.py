"""Names that a client gives to what it uploads: checked, and made fit for any disk."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from bitween.errors import InvalidValue
from bitween.model.text import printable

#: Folders in a folder, and bytes, that a path below an upload has at most.
MAX_DEPTH, MAX_PATH = 50, 3000
_LONGEST_NAME = 255  # bytes, on every file system in use


def read_path(quoted: str) -> tuple[str, ...]:
    """
    Read the path of a file from a URL (RFC 3986 §3.3).

    :param quoted: segments with ``/`` between them, percent-encoded UTF-8.
    :returns: safe names, of folders and in the end of the file; at least one.
    :raises InvalidValue: if it could lead elsewhere, or is no path of a file.
    """
    parts = tuple(safe_part(_unquoted(segment)) for segment in quoted.split("/"))
    if len(parts) > MAX_DEPTH or sum(len(part.encode()) + 1 for part in parts) > MAX_PATH:
        raise InvalidValue.of("invalid_value.long_path")
    return parts


def safe_part(name: str) -> str:
    """
    Make a name of a file or folder fit to be shown: what cannot be becomes ``_``.

    :raises InvalidValue: if it is none.
    """
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidValue.of("invalid_value.file_name", name=printable(name, 60))
    shown = printable(name, len(name), "_")
    stem, extension = os.path.splitext(shown)
    return _cut(stem, extension)


def safe_root(name: str) -> str:
    """
    Make the name of a whole upload fit, and such that it is not hidden.

    :raises InvalidValue: if it is none.
    """
    if not name.strip():
        raise InvalidValue.of("invalid_value.blank_name")
    safe = safe_part(name)
    return f"_{safe[1:]}" if safe.startswith(".") else safe


def candidates(name: str) -> Iterator[str]:
    """
    A name, and what to call it where that is taken: ``film (2).mkv`` for ``film.mkv``.

    :param name: of a file or folder, without its folder.
    :returns: the names to try, in order, without end.
    """
    yield name
    stem, extension = os.path.splitext(name)
    for number in itertools.count(2):
        yield _cut(stem, f" ({number}){extension}")


def _unquoted(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeError:
        raise InvalidValue.of("invalid_value.not_utf8", name=printable(segment, 60)) from None


def _cut(stem: str, end: str) -> str:
    """Put a name together that no disk finds too long."""
    end = end.encode()[:_LONGEST_NAME].decode(errors="ignore")
    room = _LONGEST_NAME - len(end.encode())
    return stem.encode()[:room].decode(errors="ignore") + end

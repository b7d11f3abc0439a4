"""Checks whether paths of this machine can be shared, or written to."""

from __future__ import annotations

import os

from bitween.errors import BadPath, EmptyFolder, NoSuchPath, UnreadablePath
from bitween.model.disk_path import checked_utf8
from bitween.model.link import is_web_link
from bitween.model.text import visible_path


def checked_path(path: str) -> str:
    """
    Check that a file or folder can be shared, without reading much.

    :param path: absolute.
    :returns: the path.
    :raises BadPath: if it cannot be shared.
    """
    if not os.path.isabs(checked_utf8(path)):
        raise _relative(path)
    if not os.path.lexists(path):
        raise NoSuchPath.of("no_such_path.path", path=visible_path(path))
    if os.path.isdir(path):
        if not os.access(path, os.R_OK | os.X_OK):
            raise _unreadable(path)
        if not any(os.scandir(path)):
            raise EmptyFolder.of("empty_folder.path", path=visible_path(path))
    elif not os.path.isfile(path):
        raise BadPath.of("bad_path.neither", path=visible_path(path))
    elif not os.access(path, os.R_OK):
        raise _unreadable(path)
    return path


def checked_folder(folder: str) -> str:
    """
    Check that a folder can be written to, and create it if it does not exist.

    :param folder: absolute.
    :returns: the folder.
    :raises BadPath: if it cannot be written to.
    """
    if not os.path.isabs(checked_utf8(folder)):
        raise _relative(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise BadPath.of(
            "bad_path.not_made", path=visible_path(folder), why=str(error.strerror)
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadPath.of("bad_path.closed", path=visible_path(folder))
    return folder


def _relative(path: str) -> BadPath:
    known = "bad_path.link" if is_web_link(path) else "bad_path.relative"
    return BadPath.of(known, path=visible_path(path))


def _unreadable(path: str) -> UnreadablePath:
    return UnreadablePath.of("unreadable_path.path", path=visible_path(path))

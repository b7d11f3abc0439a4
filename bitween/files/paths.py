"""Checks whether paths of this machine can be shared, or written to."""

from __future__ import annotations

import os

from bitween.errors import BadPath, EmptyFolder, NoSuchPath, UnreadablePath
from bitween.model.disk_path import checked_utf8
from bitween.model.link import WHAT_TO_DO, is_web_link, said_of_link
from bitween.model.text import quoted


def checked_path(path: str) -> str:
    """
    Check that a file or folder can be shared, without reading much.

    :param path: absolute.
    :returns: the path.
    :raises BadPath: if it cannot be shared.
    """
    if not os.path.isabs(checked_utf8(path)):
        raise _relative(path)
    values = {"path": path}
    if not os.path.lexists(path):
        raise NoSuchPath(f"{quoted(path)} does not exist", detail="path", values=values)
    if os.path.isdir(path):
        if not os.access(path, os.R_OK | os.X_OK):
            raise _unreadable(path)
        if not any(os.scandir(path)):
            hint = "a folder needs a file to be shared"
            raise EmptyFolder(f"{quoted(path)} is empty", hint, detail="path", values=values)
    elif not os.path.isfile(path):
        raise BadPath(
            f"{quoted(path)} is neither a file nor a folder", detail="neither", values=values
        )
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
        raise BadPath(f"{quoted(folder)} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadPath(
            f"{quoted(folder)} may not be written to",
            "check its permissions",
            detail="closed",
            values={"path": folder},
        )
    return folder


def _relative(path: str) -> BadPath:
    if is_web_link(path):
        text, shown = said_of_link(quoted(path)), {"path": path}
        return BadPath(text, WHAT_TO_DO, detail="link", values=shown)
    return BadPath(
        f"{quoted(path)} is not an absolute path",
        "give the path from the root on",
        detail="relative",
        values={"path": path},
    )


def _unreadable(path: str) -> UnreadablePath:
    return UnreadablePath(
        f"{quoted(path)} may not be read",
        "check its permissions",
        detail="path",
        values={"path": path},
    )

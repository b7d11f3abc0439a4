"""The trash of the desktop, by the freedesktop.org Trash specification 1.0."""

from __future__ import annotations

import itertools
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

_LONGEST_NAME = 255  # bytes
_INFO = ".trashinfo"


@dataclass(frozen=True, slots=True)
class Trash:
    """
    A trash directory.

    :param folder: created on first use.
    :param top: the mount point that it is for, to which original paths are relative; ``None`` for
        the home trash, which records absolute paths.
    """

    folder: str
    top: str | None = None

    def reserve(self, original: str) -> str:
        """
        Reserve a place for a file or folder, and record its original path.

        :param original: the absolute path.
        :returns: a path in the trash that is free.
        :raises OSError: if the trash cannot be written to.
        """
        files, info = os.path.join(self.folder, "files"), os.path.join(self.folder, "info")
        for folder in (self.folder, files, info):
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        for name in _names(os.path.basename(original)):
            if os.path.lexists(os.path.join(files, name)):
                continue
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(os.path.join(info, name + _INFO), flags, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._note(original))
            return os.path.join(files, name)
        raise AssertionError("numbers do not end")

    def give_up(self, place: str) -> None:
        """
        Free a place that nothing was moved to.

        :param place: a path that :meth:`reserve` returned.
        """
        with suppress(OSError):
            os.rmdir(place)
        if not os.path.lexists(place):
            os.unlink(os.path.join(self.folder, "info", os.path.basename(place) + _INFO))

    def _note(self, original: str) -> bytes:
        path = original if self.top is None else os.path.relpath(original, self.top)
        quoted = quote(os.fsencode(path), safe="/")
        when = time.strftime("%Y-%m-%dT%H:%M:%S")
        return f"[Trash Info]\nPath={quoted}\nDeletionDate={when}\n".encode("ascii")


def find_trash(folder: str, environ: Mapping[str, str]) -> Trash | None:
    """
    The trash for the files of a folder; ``None`` if the user has none.

    A user has one if a home trash exists, which every desktop creates.  A daemon must not create
    the first one: if nobody empties it, the disk space is never freed.

    :param folder: an existing folder.
    :param environ: environment variables; ``XDG_DATA_HOME`` names the folder of the home trash.
    """
    data = environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):
        data = os.path.expanduser("~/.local/share")
    home = os.path.join(data, "Trash")
    if not _is_own_folder(home):
        return None
    if _mount(home) == _mount(folder):
        return Trash(home)
    return trash_at(_top(folder))


def trash_at(top: str) -> Trash | None:
    """
    The trash of a file system that is not that of the home; it may not exist yet.

    :param top: where the file system is mounted.
    :returns: ``None`` if neither of its two places can be trusted.
    """
    shared, uid = os.path.join(top, ".Trash"), os.geteuid()
    if _is_sticky_folder(shared):
        own = os.path.join(shared, str(uid))
        if _is_usable(own):
            return Trash(own, top)
    own = os.path.join(top, f".Trash-{uid}")
    return Trash(own, top) if _is_usable(own) else None


def _is_usable(folder: str) -> bool:
    if os.path.lexists(folder):
        return _is_own_folder(folder)
    return os.access(os.path.dirname(folder), os.W_OK | os.X_OK)


def _is_own_folder(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    writable = os.access(path, os.W_OK | os.X_OK)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and writable


def _is_sticky_folder(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)


def _top(folder: str) -> str:
    """The mount point of the file system on which a folder lies."""
    folder = os.path.realpath(folder)
    while folder != "/" and _mount(os.path.dirname(folder)) == _mount(folder):
        folder = os.path.dirname(folder)
    return folder


def _mount(folder: str) -> object:
    """
    Identify the mount that holds a folder; files cannot be moved between mounts.

    The device number does not suffice, because a file system may be mounted several times.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
            return next(line for line in file if line.startswith(b"mnt_id:"))
    except (OSError, StopIteration):
        return os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)


def _names(name: str) -> itertools.chain[str]:
    stem, extension = os.path.splitext(name)
    return itertools.chain(
        [_cut(name, _LONGEST_NAME - len(_INFO))],
        (_numbered(stem, extension, number) for number in itertools.count(2)),
    )


def _numbered(stem: str, extension: str, number: int) -> str:
    end = f".{number}{extension}"
    return _cut(stem, _LONGEST_NAME - len(_INFO) - len(os.fsencode(end))) + end


def _cut(name: str, limit: int) -> str:
    return os.fsdecode(os.fsencode(name)[: max(limit, 1)])

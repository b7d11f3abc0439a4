"""The directory that belongs to one daemon at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TextIO

from bitween.errors import StartupError

# Not through a link, whose target would be emptied.
_LOCK = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_ROOT = 0
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class StateDirectory:
    """Creates the directory, and locks it against a second daemon."""

    def __init__(self, path: str) -> None:
        """:param path: absolute."""
        self.path = path
        self._lock: TextIO | None = None

    def claim(self) -> None:
        """
        Lock the directory until :meth:`release` or the end of the process.

        Its permissions, and those of the files in it, are restricted to our own user.

        :raises StartupError: if it cannot be created or written to, or another daemon uses it.
        """
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            _refuse_shared(self.path, os.stat(self.path))
            _close_to_others(self.path)
            descriptor = os.open(self.file("lock"), _LOCK, 0o600)
        except OSError as error:
            raise StartupError(
                f"the state directory {self.path!r} cannot be used: {error.strerror}",
                "choose another with --state-dir",
            ) from None
        lock = os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = lock.read(20).strip() or "unknown"
            lock.close()
            raise StartupError(
                f"the state directory {self.path!r} is in use by process {holder}",
                "stop that daemon, or choose another directory with --state-dir",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Unlock the directory; harmless if it was never claimed."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def file(self, name: str) -> str:
        """The path of a file in the directory."""
        return os.path.join(self.path, name)


def make_private(path: str) -> None:
    """
    Create an empty file that only our own user can read, unless it exists.

    SQLite gives the files beside a database the mode of the database.

    :raises OSError: if it cannot be created.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _refuse_shared(folder: str, status: os.stat_result) -> None:
    """
    :raises StartupError: if another user could replace our files.
    """
    if status.st_uid == os.geteuid():
        return
    if status.st_uid != _ROOT or status.st_mode & _WRITABLE_BY_OTHERS:
        raise StartupError(
            f"the state directory {folder!r} belongs to another user, who could replace its files",
            "choose one of your own with --state-dir, or change its owner (chown)",
        )


def _close_to_others(folder: str) -> None:
    """Remove the permissions of other users on our directory and its files."""
    _restrict(folder, os.stat(folder))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                _restrict(entry.path, entry.stat(follow_symlinks=False))


def _restrict(path: str, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == os.geteuid() and mode & 0o077:
        os.chmod(path, mode & 0o700)

"""What lies on the disk: whether files are as they were, and whether there could be more."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bitween.model.text import printable
from bitween.model.torrent import FileEntry, InfoHash


@dataclass(frozen=True, slots=True)
class Look:
    """
    What a look at a torrent's files found; their content is not read.

    :param fault: what is wrong with the first one that is not as it should be, in words; empty if
        nothing is.
    :param stamp: stands for the sizes and times of all files; empty if something is wrong.
    """

    fault: str
    stamp: str


def looking(folder: str, files: Sequence[FileEntry]) -> Generator[None, None, Look]:
    """Look at files, one a step."""
    stamp = hashlib.sha1(usedforsecurity=False)
    for file in files:
        path = os.path.join(folder, file.path)
        try:
            found = os.stat(path)
            fault = _fault(path, found, file.size)
        except (FileNotFoundError, NotADirectoryError):
            fault = "is missing"
        except OSError as error:
            fault = f"cannot be read: {error.strerror}"
        if fault:
            return Look(f"'{printable(file.path, 500)}' {fault}", "")
        stamp.update(b"%d %d\n" % (found.st_size, found.st_mtime_ns))
        yield
    return Look("", stamp.hexdigest())


def look(folder: str, files: Sequence[FileEntry]) -> Look:
    """Look at files, all at once."""
    steps = looking(folder, files)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Look = end.value
            return found


def obstacle(folder: str, missing: int) -> str:
    """
    Why nothing can be written to a folder, in words; empty if that is not to be seen.

    :param missing: the bytes that are still to come.
    """
    shown = f"'{printable(folder, 500)}'"
    try:
        room = os.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError):
        return f"{shown} is missing"
    except OSError as error:
        return f"{shown} cannot be used: {error.strerror}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{shown} may not be written to"
    free = room.f_bavail * room.f_frsize
    if free < missing:
        return f"the disk of {shown} has {_amount(free)} left, and {_amount(missing)} are to come"
    return ""


def device(folder: str) -> int | None:
    """The number of the disk on which a folder lies; ``None`` if that cannot be told."""
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def remove_part_file(folder: str, info_hash: InfoHash) -> None:
    """Remove where libtorrent kept the ends of pieces whose files were left out."""
    with suppress(OSError):
        os.unlink(os.path.join(folder, f".{info_hash}.parts"))


def _amount(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _fault(path: str, found: os.stat_result, size: int) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is no file"
    if found.st_size != size:
        return "has another size than it had"
    return "" if os.access(path, os.R_OK) else "may not be read"

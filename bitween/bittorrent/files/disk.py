"""What lies on the disk: whether files are as they were, and whether there could be more."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bitween.model.disk_space import reserve
from bitween.model.stat_signature import StatSignature
from bitween.model.text import printable
from bitween.model.torrent import FileEntry, InfoHash
from bitween.model.torrent_error import NO_TROUBLE, Reason, TorrentError, failed, missing
from bitween.util.cooperate import at_once


@dataclass(frozen=True, slots=True)
class Look:
    """
    What a look at a torrent's files found; their content is not read.

    :param fault: what is wrong with the first one that is not as it should be.
    :param stamp: stands for the sizes and times of all files; empty if something is wrong.
    :param faulty: the places, in the list of files, of all that are not as they should be.
    """

    fault: TorrentError
    stamp: str
    faulty: frozenset[int] = frozenset()


def looking(folder: str, files: Sequence[FileEntry]) -> Generator[None, None, Look]:
    """Look at files, one a step."""
    stamp = StatSignature()
    first, faulty = NO_TROUBLE, set()
    for number, file in enumerate(files):
        found = _look_at(folder, file)
        if isinstance(found, TorrentError):
            first = first or found
            faulty.add(number)
        else:
            stamp.add(found)
        yield
    return Look(first, "" if first else stamp.text, frozenset(faulty))


def look(folder: str, files: Sequence[FileEntry]) -> Look:
    """Look at files, all at once."""
    return at_once(looking(folder, files))


@dataclass(frozen=True, slots=True)
class Need:
    """
    What something that is to be written takes of a disk.

    :param size: bytes.
    :param entries: files and folders that are to be made.
    """

    size: int = 0
    entries: int = 0


#: It takes nothing.
NO_NEED = Need()


def obstacle(folder: str, need: Need, coming: int, *, holds_state: bool) -> TorrentError:
    """
    Why nothing can be written to a folder, if that is to be seen.

    :param coming: the bytes that are to come to the same disk besides.
    :param holds_state: whether the state directory is on that disk.
    """
    shown = printable(folder, 500)
    try:
        room = os.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError):
        return missing(shown)
    except OSError as error:
        said = f"'{shown}' cannot be used: {error.strerror}"
        return replace(failed(shown, error.errno, ""), text=said)
    if not os.access(folder, os.W_OK | os.X_OK):
        return TorrentError(f"'{shown}' may not be written to", Reason.FORBIDDEN, shown)
    free = room.f_bavail * room.f_frsize
    kept = reserve(room.f_blocks * room.f_frsize, holds_state=holds_state)
    if free < need.size + coming + kept:
        left = f"{_amount(free)} left, and {_amount(need.size + coming)} are to come"
        but = f"; {_amount(kept)} always stay free" if free >= need.size + coming else ""
        return TorrentError(f"the disk of '{shown}' has {left}{but}", Reason.FULL, shown)
    # Where a file system counts no entries, it has none.
    if room.f_files and room.f_favail < need.entries:
        left = f"room for {room.f_favail} files, and {need.entries} are to come"
        return TorrentError(f"the disk of '{shown}' has {left}", Reason.FULL, shown)
    return NO_TROUBLE


def filled(folder: str, *, holds_state: bool) -> TorrentError:
    """
    What is wrong with a disk of which less than half stays free of what always should.

    Half, for what is on its way to the disk is counted twice, or not at all, for a moment.
    """
    try:
        room = os.statvfs(folder)
    except OSError:
        return NO_TROUBLE
    free = room.f_bavail * room.f_frsize
    if 2 * free >= reserve(room.f_blocks * room.f_frsize, holds_state=holds_state):
        return NO_TROUBLE
    shown = printable(folder, 500)
    return TorrentError(f"the disk of '{shown}' has only {_amount(free)} left", Reason.FULL, shown)


def device(folder: str) -> int | None:
    """The number of the disk on which a folder lies; ``None`` if that cannot be told."""
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def remove_part_file(folder: str, info_hash: InfoHash) -> None:
    """Remove where libtorrent kept the ends of pieces whose files were left out."""
    with suppress(OSError):
        os.unlink(os.path.join(folder, part_file(info_hash)))


def part_file(info_hash: InfoHash) -> str:
    """The name of the file in which libtorrent keeps the ends of pieces of files left out."""
    return f".{info_hash}.parts"


def _amount(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _look_at(folder: str, file: FileEntry) -> os.stat_result | TorrentError:
    """How a file looks, or what is wrong with it."""
    path = os.path.join(folder, file.path)
    try:
        found = os.stat(path)
        return _fault(path, file, found) or found
    except (FileNotFoundError, NotADirectoryError):
        return missing(_shown(file))
    except OSError as error:
        shown = _shown(file)
        said = f"'{shown}' cannot be read: {error.strerror}"
        return replace(failed(shown, error.errno, ""), text=said)


def _fault(path: str, file: FileEntry, found: os.stat_result) -> TorrentError:
    if not stat.S_ISREG(found.st_mode):
        reason, what = Reason.CHANGED, "is not a file"
    elif found.st_size != file.size:
        reason, what = Reason.CHANGED, "has another size than it had"
    elif not os.access(path, os.R_OK):
        reason, what = Reason.FORBIDDEN, "may not be read"
    else:
        return NO_TROUBLE
    shown = _shown(file)
    return TorrentError(f"'{shown}' {what}", reason, shown)


def _shown(file: FileEntry) -> str:
    return printable(file.path, 500)

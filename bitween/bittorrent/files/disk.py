"""Looks at the disk: whether files have changed, and whether there is room for more."""

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
class FilesCheck:
    """
    The result of a check of files; their content is not read.

    :param fault: what is wrong with the first faulty file.
    :param signature: stands for the sizes and times of all files; empty if a file is faulty.
    :param faulty: the positions of all faulty files in the list.
    """

    fault: TorrentError
    signature: str
    faulty: frozenset[int] = frozenset()


def checking_files(folder: str, files: Sequence[FileEntry]) -> Generator[None, None, FilesCheck]:
    """
    Check files, one a step.

    :param folder: the save path.
    :param files: with paths relative to it, and the sizes that they should have.
    :returns: a generator, which returns the result.
    """
    signature = StatSignature()
    first, faulty = NO_TROUBLE, set()
    for number, file in enumerate(files):
        found = _check_file(folder, file)
        if isinstance(found, TorrentError):
            first = first or found
            faulty.add(number)
        else:
            signature.add(found)
        yield
    return FilesCheck(first, "" if first else signature.text, frozenset(faulty))


def check_files(folder: str, files: Sequence[FileEntry]) -> FilesCheck:
    """
    Check files, all at once.

    :param files: see :func:`checking_files`.
    """
    return at_once(checking_files(folder, files))


@dataclass(frozen=True, slots=True)
class Need:
    """
    The room that something takes on a disk.

    :param size: bytes.
    :param entries: files and folders to be made.
    """

    size: int = 0
    entries: int = 0


#: No room.
NO_NEED = Need()


def obstacle(folder: str, need: Need, coming: int, *, holds_state: bool) -> TorrentError:
    """
    Find out why a folder cannot be written to.

    :param need: the room that is needed beyond ``coming``.
    :param coming: the bytes that other downloads still bring to the same disk.
    :param holds_state: whether the state directory is on that disk.
    :returns: the reason; false if the folder can be written to.
    """
    shown = printable(folder, 500)
    try:
        room = os.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError):
        return missing(shown)
    except OSError as error:
        text = f"'{shown}' cannot be used: {error.strerror}"
        return replace(failed(shown, error.errno, ""), text=text)
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
    Find out whether a disk has less than half of its reserve left.

    Half, because bytes on their way to the disk are counted twice, or not at all, for a moment.

    :param holds_state: whether the state directory is on that disk.
    :returns: the error; false if more is left, or if that is not known.
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
    """The device number of the disk of a folder; ``None`` if it is not known."""
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def remove_part_file(folder: str, session_hash: InfoHash) -> None:
    """
    Remove the file in which libtorrent kept the ends of pieces of skipped files.

    :param folder: the save path.
    """
    with suppress(OSError):
        os.unlink(os.path.join(folder, part_file(session_hash)))


def part_file(session_hash: InfoHash) -> str:
    """
    The name of the file in which libtorrent keeps the ends of pieces of skipped files.

    :param session_hash: the info-hash of the torrent in libtorrent's session.
    """
    return f".{session_hash}.parts"


def _amount(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _check_file(folder: str, file: FileEntry) -> os.stat_result | TorrentError:
    """The status of a file, or what is wrong with it."""
    path = os.path.join(folder, file.path)
    try:
        found = os.stat(path)
        return _fault(path, file, found) or found
    except (FileNotFoundError, NotADirectoryError):
        return missing(_shown(file))
    except OSError as error:
        shown = _shown(file)
        text = f"'{shown}' cannot be read: {error.strerror}"
        return replace(failed(shown, error.errno, ""), text=text)


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

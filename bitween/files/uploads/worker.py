"""
The child process that writes what is uploaded, away from the reactor.

Its arguments are the folder to write to and the name of the upload.  It reads the files from
standard input (:mod:`bitween.files.uploads.frames`), and answers with lines of JSON: ``{"written":
size}`` for each file that is on the disk, at the end ``{"kept": path}``, or ``{"failed": ...}``.
It writes to a hidden folder, which it removes when it ends: also if the daemon was killed.

Without a name it removes hidden folders that a power cut has left behind.

It does not import Twisted, so that it starts quickly.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from bitween.errors import BitweenError, NoRoom, UploadFailed
from bitween.files.answers import failure, write_answer
from bitween.files.uploads.frames import FrameKind, read_frame
from bitween.files.uploads.names import candidates
from bitween.messages.catalogue import load_english
from bitween.model.disk_space import reserve
from bitween.model.text import visible_path
from bitween.util.private_file import flush_folder

#: The prefix of the names of hidden folders.
PREFIX = ".bitween-upload-"

# Bytes after which the free space is checked again.
_LOOK = 8 * 2**20

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_error(folder: str, error: OSError) -> BitweenError:
    """Name the reason why a folder cannot be written to."""
    if error.errno in _FULL:
        return NoRoom.of("no_room.full", path=folder)
    return UploadFailed.of("upload_failed.not_written", path=folder, why=str(error.strerror))


def remove_leftovers(folder: str) -> None:
    """Remove the hidden folders that no process holds."""
    with _alone(folder):
        for name in os.listdir(folder):
            if name.startswith(PREFIX):
                _remove_unless_held(os.path.join(folder, name))


class Staging:
    """The hidden folder of an upload until it is complete."""

    def __init__(self, folder: str, name: str) -> None:
        """
        :param folder: the folder that will hold the upload.
        :param name: its name there, if that is free.
        """
        self._folder = folder
        self._name = name
        with _alone(folder):
            self._place = tempfile.mkdtemp(prefix=PREFIX, dir=folder)
            # The lock shows other processes that the folder is in use.
            self._held = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_EX)
        self._content = os.path.join(self._place, "content")
        self._file: int | None = None
        self._size = self._room = 0

    def begin(self, parts: Sequence[str]) -> None:
        """
        Begin a file; without parts, the file is the whole upload.

        :param parts: its path below the upload, name by name.
        :raises UploadFailed: if the path is taken already.
        :raises OSError: if the file cannot be created.
        """
        path = os.path.join(self._content, *parts)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o666)
        except (FileExistsError, NotADirectoryError):
            raise UploadFailed.of(
                "upload_failed.twice", path=visible_path("/".join(parts))
            ) from None
        self._size = 0

    def write(self, data: bytes) -> None:
        """
        Write bytes of the file.

        :raises OSError: if the disk is full, or cannot be written to.
        """
        assert self._file is not None
        rest = memoryview(data)
        self._take_room(len(rest))
        while rest:
            count = os.write(self._file, rest)
            self._size += count
            rest = rest[count:]

    def _take_room(self, size: int) -> None:
        """
        Reserve room for so many bytes; a part of the disk always stays free.

        :raises OSError: if there is no room.
        """
        self._room -= size
        if self._room < 0:
            disk = os.statvfs(self._place)
            # The state directory may lie on the same disk.
            kept = reserve(disk.f_blocks * disk.f_frsize, holds_state=True)
            # Other programs write, too, so that the free space is checked again after a while.
            free = disk.f_bavail * disk.f_frsize - kept
            if free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._room = min(_LOOK, free) - size

    def end(self) -> int:
        """Flush the file to the disk, and return its size."""
        assert self._file is not None
        os.fsync(self._file)
        os.close(self._file)
        self._file = None
        return self._size

    def keep(self, taken: Collection[str]) -> str:
        """
        Move the upload to its final place, where nothing is overwritten, and return the path.

        :param taken: names that it must not get, although nothing may have them yet.
        :raises OSError: if that is not possible.
        """
        for folder, _, _ in os.walk(self._place):
            flush_folder(folder)
        path = self._reserved(taken)
        os.rename(self._content, path)
        flush_folder(self._folder)
        return path

    def remove(self) -> None:
        """Remove the hidden folder with all files."""
        shutil.rmtree(self._place, ignore_errors=True)
        os.close(self._held)

    def _reserved(self, taken: Collection[str]) -> str:
        """Create an empty file or folder, which the upload then replaces."""
        folder = os.path.isdir(self._content)
        for name in candidates(self._name):
            path = os.path.join(self._folder, name)
            with suppress(FileExistsError):
                if name in taken:
                    continue
                if folder:
                    os.mkdir(path)
                else:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
                return path
        raise AssertionError("numbers do not end")


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keep other processes from creating or removing hidden folders meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_unless_held(place: str) -> None:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # it is not an upload's folder, or is gone
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(descriptor)


def _work(staging: Staging, say: Callable[[dict[str, object]], None]) -> None:
    while (told := read_frame(sys.stdin.buffer)) is not None:
        kind, content = told
        match kind:
            case FrameKind.FILE:
                staging.begin(json.loads(content))
            case FrameKind.DATA:
                staging.write(content)
            case FrameKind.END:
                say({"written": staging.end()})
            case FrameKind.KEEP:
                say({"kept": staging.keep(json.loads(content))})
                return


def _receive(folder: str, name: str) -> None:
    try:
        staging = Staging(folder, name)
        try:
            _work(staging, write_answer)
        finally:
            staging.remove()
    except OSError as error:
        _fail(write_error(folder, error))
    except BitweenError as error:
        _fail(error)


def _fail(error: BitweenError) -> None:
    with suppress(BrokenPipeError):
        write_answer(failure(error))


def main() -> None:
    """Write an upload, or remove leftovers, as the arguments say."""
    load_english()
    # When the daemon ends, standard input is closed, and the process removes the hidden folder.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder, *names = sys.argv[1:]
    if names:
        _receive(folder, names[0])
    else:
        remove_leftovers(folder)


if __name__ == "__main__":
    main()

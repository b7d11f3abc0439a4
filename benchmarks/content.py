"""What is carried in the benchmarks: random bytes, as one file or as many."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import dataclass

from bitween.files.hashing.worker import hash_path

MIB = 2**20
GIB = 2**30
_FILES_A_FOLDER = 100
_MEMORY = "/dev/shm"


@dataclass(frozen=True, slots=True)
class Content:
    """
    A file or folder.

    :param path: where it lies.
    :param size: bytes.
    :param count: files in it.
    :param torrent: its .torrent file, without a tracker.
    """

    path: str
    size: int
    count: int
    info_hash: str
    torrent: bytes

    @property
    def folder(self) -> str:
        """What it lies in."""
        return os.path.dirname(self.path)

    @property
    def name(self) -> str:
        """What it is called there."""
        return os.path.basename(self.path)

    def files(self) -> list[str]:
        """The paths of its files, relative to the folder that it lies in."""
        if os.path.isfile(self.path):
            return [self.name]
        return [
            os.path.relpath(os.path.join(above, name), self.folder)
            for above, _, names in os.walk(self.path)
            for name in names
        ]


def make_content(path: str, size: int, count: int = 1) -> Content:
    """
    Make one file, or a folder of folders of files of equal size.

    :param size: bytes in all, at least.
    :param count: files in all.
    """
    each = -(-size // count)
    if count == 1:
        _write(path, each)
    for number in range(count if count > 1 else 0):
        folder = os.path.join(path, f"{number // _FILES_A_FOLDER:04}")
        os.makedirs(folder, exist_ok=True)
        _write(os.path.join(folder, f"{number:06}.bin"), each)
    hashed = hash_path(path, lambda *_: None)
    return Content(
        path=path,
        size=each * count,
        count=count,
        info_hash=str(hashed["info_hash"]),
        torrent=base64.b64decode(str(hashed["torrent_file"])),
    )


def directory_in_memory(size: int) -> str:
    """
    Make a folder in memory, if that has the room: programs are measured, not disks.

    :param size: bytes that it is to hold.
    """
    room = os.statvfs(_MEMORY) if os.path.isdir(_MEMORY) else None
    enough = room is not None and room.f_bavail * room.f_frsize > size
    return tempfile.mkdtemp(prefix="bitween-benchmark-", dir=_MEMORY if enough else None)


def size_of(path: str) -> int:
    """The bytes in all files below a folder."""
    return sum(
        os.path.getsize(os.path.join(above, name))
        for above, _, names in os.walk(path)
        for name in names
    )


def _write(path: str, size: int) -> None:
    with open(path, "wb") as file:
        file.writelines(os.urandom(min(MIB, size - start)) for start in range(0, size, MIB))

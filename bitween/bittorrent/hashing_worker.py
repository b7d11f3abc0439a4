"""
The child process that reads and hashes files, away from the reactor.

It is told one path at a time, as a line of JSON on standard input, and answers on standard output
with lines of JSON: ``{"progress": [done, total]}`` now and then, and at the end ``{"hashed": ...}``
or ``{"failed": ...}``.  It exits when its standard input is closed, whatever it is doing.  It
imports neither Twisted nor libtorrent, so that it is there at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import queue
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

from bitween.bittorrent.metainfo import HashedFile, make_torrent, piece_size_for
from bitween.errors import (
    BadPath,
    BitweenError,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnreadablePath,
)

_HASHERS = 2
_BLOCK = 4 * 2**20
_SECONDS_BETWEEN_REPORTS = 0.1

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """
    A file that is to be hashed, as it was when it was listed.

    :param parts: its path below the shared folder; empty if it is itself what is shared.
    """

    path: str
    parts: tuple[str, ...]
    size: int
    mtime_ns: int


def hash_path(path: str, report: Report) -> dict[str, object]:
    """
    Hash a file or folder.

    :param path: absolute.
    :param report: called with the bytes done and the bytes in all, ten times a second at most.
    :returns: ``info_hash``, ``name``, ``total_size`` and ``torrent_file`` (base64).
    :raises BadPath: if it cannot be shared.
    :raises HashingFailed: if a file changed meanwhile, or could not be read to the end.
    """
    path = os.path.normpath(path)
    files = list_files(path)
    total = sum(file.size for file in files)
    piece_size = piece_size_for(total)
    pieces = b"".join(_piece_hashes(files, total, piece_size, report))
    for file in files:
        _check_unchanged(file)
    name = os.path.basename(path)
    hashed = [HashedFile(file.parts, file.size) for file in files]
    info_hash, torrent = make_torrent(name, hashed, piece_size, pieces)
    return {
        "info_hash": info_hash,
        "name": name,
        "total_size": total,
        "torrent_file": base64.b64encode(torrent).decode(),
    }


def list_files(path: str) -> list[Found]:
    """
    List what of a path can be shared, in an order that depends on nothing but the names.

    Folders behind symbolic links are left out, and so is whatever is no file; a link to a file
    counts as that file if it lies within the shared folder.

    :raises BadPath: if there is nothing to share, or a part of it cannot be read or named.
    """
    _check_name(path)
    if not os.path.basename(path):
        raise BadPath(f"{path!r} has no name to share it under", "share the folders in it")
    found = _stat(path)
    if stat.S_ISREG(found.st_mode):
        if found.st_size == 0:
            raise BadPath(f"{path!r} is empty", "a file needs content to be shared")
        return [Found(path, (), found.st_size, found.st_mtime_ns)]
    if not stat.S_ISDIR(found.st_mode):
        raise BadPath(f"{path!r} is neither a file nor a folder")
    files = sorted(_walk(path, os.path.realpath(path), ()), key=_order)
    if not any(file.size for file in files):
        raise EmptyFolder(f"{path!r} holds no content", "a folder needs a file to be shared")
    return files


def _order(file: Found) -> tuple[bytes, ...]:
    return tuple(part.encode() for part in file.parts)


def _walk(folder: str, root: str, above: tuple[str, ...]) -> Iterator[Found]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError as error:
        raise _unusable(folder, error) from None
    for entry in listed:
        _check_name(entry.path)
        parts = (*above, entry.name)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, root, parts)
        elif _is_ours(entry, root):
            found = _stat(entry.path)
            yield Found(entry.path, parts, found.st_size, found.st_mtime_ns)


def _is_ours(entry: os.DirEntry[str], root: str) -> bool:
    if not entry.is_symlink():
        return entry.is_file(follow_symlinks=False)
    inside = os.path.realpath(entry.path).startswith(os.path.join(root, ""))
    return inside and os.path.isfile(entry.path)


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise BadPath(
            f"the name {path!r} is no UTF-8", "rename it: others could not make such a file"
        ) from None


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: str, error: OSError) -> BitweenError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NoSuchPath(f"{path!r} does not exist")
    if isinstance(error, PermissionError):
        return UnreadablePath(f"{path!r} may not be read", "check its permissions")
    return HashingFailed(f"{path!r} cannot be read: {error.strerror}", "check the disk")


def _piece_hashes(
    files: Sequence[Found], total: int, piece_size: int, report: Report
) -> Iterator[bytes]:
    """The SHA-1 of every piece, several at a time, in order."""
    block_size = max(_BLOCK, piece_size)
    blocks = _blocks(files, total, block_size)
    report(0, total)
    if total <= block_size:
        # Starting threads takes longer than hashing this.
        for block in blocks:
            yield _digests(block, piece_size)
        return
    reported = time.monotonic()
    pending: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_HASHERS) as pool:
        for number, block in enumerate(blocks, 1):
            pending.append(pool.submit(_digests, block, piece_size))
            if len(pending) > _HASHERS:
                yield pending.popleft().result()
            if time.monotonic() - reported >= _SECONDS_BETWEEN_REPORTS:
                reported = time.monotonic()
                report(min(number * block_size, total), total)
        for future in pending:
            yield future.result()


def _digests(block: memoryview, piece_size: int) -> bytes:
    return b"".join(
        hashlib.sha1(block[start : start + piece_size], usedforsecurity=False).digest()
        for start in range(0, len(block), piece_size)
    )


def _blocks(files: Sequence[Found], total: int, block_size: int) -> Iterator[memoryview]:
    """The files' bytes as one stream, cut into blocks; a block's memory is used again later."""
    size = min(block_size, total)
    # One block is being read and one more than there are hashers may wait for its result.
    buffers = [memoryview(bytearray(size)) for _ in range(_HASHERS + 2 if total > size else 1)]
    number = filled = 0
    for file in files:
        left = file.size
        with _open(file) as opened:
            while left:
                view = buffers[number % len(buffers)]
                count = _read_into(file, opened, view[filled : min(size, filled + left)])
                filled += count
                left -= count
                if filled == size:
                    yield view
                    number, filled = number + 1, 0
    if filled:
        yield buffers[number % len(buffers)][:filled]


def _open(file: Found) -> BinaryIO:
    try:
        return open(file.path, "rb", buffering=0)
    except FileNotFoundError:
        raise _changed(file) from None
    except OSError as error:
        raise _unusable(file.path, error) from None


def _read_into(file: Found, opened: BinaryIO, view: memoryview) -> int:
    try:
        count: int = opened.readinto(view)  # type: ignore[attr-defined]  # unbuffered: a FileIO
    except OSError as error:
        raise _unusable(file.path, error) from None
    if not count:
        raise _changed(file)
    return count


def _check_unchanged(file: Found) -> None:
    try:
        now = os.stat(file.path)
    except OSError:
        raise _changed(file) from None
    if (now.st_size, now.st_mtime_ns) != (file.size, file.mtime_ns):
        raise _changed(file)


def _changed(file: Found) -> HashingFailed:
    return HashingFailed(
        f"{file.path!r} changed while it was hashed", "share it again when nothing writes to it"
    )


def _answer(line: bytes, report: Report) -> dict[str, object]:
    try:
        return {"hashed": hash_path(json.loads(line), report)}
    except BitweenError as error:
        failed = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        return {"failed": failed}


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _exit_with_input(lines: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def main() -> None:
    """Answer requests until standard input is closed."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A thread of its own, so that the end of the parent is noticed in mid-hash.
    threading.Thread(target=_exit_with_input, args=(lines,), daemon=True).start()
    _say({"ready": True})
    while True:
        _say(_answer(lines.get(), lambda done, total: _say({"progress": [done, total]})))


if __name__ == "__main__":
    main()

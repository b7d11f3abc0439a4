"""
The child process that reads and hashes files, away from the reactor.

It is told one path at a time, a line of JSON on standard input: ``{"path": ..., "hidden": ...}``,
and answers on standard output with lines of JSON: ``{"progress": [done, total]}`` now and then, and
at the end ``{"hashed": ...}`` or ``{"failed": ...}``.  It exits when its standard input is closed,
whatever it is doing.  It imports neither Twisted nor libtorrent, so that it is there at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from bitween.bittorrent.listing import Found, list_files, unusable
from bitween.bittorrent.metainfo import HashedFile, make_torrent, piece_size_for
from bitween.errors import BitweenError, HashingFailed

_HASHERS = 2
_BLOCK = 4 * 2**20
_SECONDS_BETWEEN_REPORTS = 0.1

Report = Callable[[int, int], None]


def hash_path(path: str, report: Report, hidden: bool = True) -> dict[str, object]:
    """
    Hash a file or folder.

    :param path: absolute.
    :param report: called with the bytes done and the bytes in all, ten times a second at most.
    :param hidden: see :func:`list_files`.
    :returns: ``info_hash``, ``name``, ``total_size`` and ``torrent_file`` (base64).
    :raises BadPath: if it cannot be shared.
    :raises HashingFailed: if a file changed meanwhile, or could not be read to the end.
    """
    path = os.path.normpath(path)
    files = list_files(path, hidden)
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
        raise unusable(file.path, error) from None


def _read_into(file: Found, opened: BinaryIO, view: memoryview) -> int:
    try:
        count: int = opened.readinto(view)  # type: ignore[attr-defined]  # unbuffered: a FileIO
    except OSError as error:
        raise unusable(file.path, error) from None
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
        asked = json.loads(line)
        return {"hashed": hash_path(asked["path"], report, asked["hidden"])}
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

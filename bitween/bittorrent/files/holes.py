"""Pieces of zeros: a download keeps them as holes, and neither fetches nor stores them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nlargest
from operator import itemgetter

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.files.layout import Layout
from bitween.bittorrent.files.naming import Steps
from bitween.model.metainfo import LARGEST_PIECE

#: At most so many files are made with holes: those with the most zeros.
_MOST_FILES = 1_000
#: At most so many runs of pieces of a torrent are remembered.
_MOST_RUNS = 10_000
# Bytes that are tried out on a disk, and bytes that are hashed in one step.
_TRIAL, _STEP = 2**20, 2**18


@dataclass(frozen=True, slots=True)
class Zeros:
    """
    The pieces of a torrent that hold nothing but zeros, each within one file.

    :param runs: the numbers of the pieces, by the number of the file.
    :param sizes: their bytes, by the number of the file.
    """

    runs: Mapping[int, Sequence[range]] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)

    def size(self, skipped: Collection[int]) -> int:
        """
        The bytes of the holes in the wanted files.

        :param skipped: the numbers of the files that are not wanted.
        """
        return sum(size for number, size in self.sizes.items() if number not in skipped)


#: No zeros, or none that are kept as holes.
NO_ZEROS = Zeros()


def finding_zeros(torrent_file: bytes, layout: Layout, folder: str) -> Steps[Zeros]:
    """
    Find the pieces of zeros in metadata, in steps.

    :param torrent_file: the bencoded .torrent.
    :param layout: read from the same metadata.
    :param folder: the save path; if its disk stores no holes, no zeros are found.
    """
    info = lt.load_torrent_buffer(torrent_file).ti
    # Version 2 has no piece hashes to compare, and large pieces take long to hash.
    if info is None or info.info_hashes().has_v2() or info.piece_length() > LARGEST_PIECE:
        return NO_ZEROS
    yield
    runs = yield from _finding_runs(info, layout)
    if not runs or not stores_holes(folder):
        return NO_ZEROS
    length, last = info.piece_length(), info.num_pieces()
    short = length - info.piece_size(last - 1)
    sizes = {}
    for number, found in runs.items():
        sizes[number] = sum(len(run) for run in found) * length
        if found[-1].stop == last:
            sizes[number] -= short
        yield
    most = dict(nlargest(_MOST_FILES, sizes.items(), key=itemgetter(1)))
    return Zeros({number: runs[number] for number in sorted(most)}, most)


def _finding_runs(info: lt.torrent_info, layout: Layout) -> Steps[dict[int, list[range]]]:
    storage, length, last = info.layout(), info.piece_length(), info.num_pieces() - 1
    zeros = yield from _hashing_zeros(length)
    ending = yield from _hashing_zeros(info.piece_size(last))
    runs: dict[int, list[range]] = {}
    count = 0
    for number, index in enumerate(layout.indexes):
        start, size = storage.file_offset(index), storage.file_size(index)
        end = start + size
        # The last piece of all is shorter than the others.
        stop = last + 1 if end == storage.total_size() and size else end // length
        first = None
        for piece in range(-(-start // length), stop):
            yield
            if info.hash_for_piece(piece) == (ending if piece == last else zeros):
                first = piece if first is None else first
            elif first is not None:
                runs.setdefault(number, []).append(range(first, piece))
                first, count = None, count + 1
            if count >= _MOST_RUNS:
                return runs
        if first is not None:
            runs.setdefault(number, []).append(range(first, stop))
            count += 1
        yield
    return runs


def _hashing_zeros(size: int) -> Steps[bytes]:
    """Hash so many zeros with SHA-1, in steps."""
    digest, block = hashlib.sha1(usedforsecurity=False), bytes(_STEP)
    for begin in range(0, size, _STEP):
        digest.update(block[: size - begin])
        yield
    return digest.digest()


def stores_holes(folder: str) -> bool:
    """Whether the disk of a folder stores nothing where a file was never written."""
    # FAT and others write zeros instead, which takes long for a large file, and all its room.
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            os.ftruncate(trial.fileno(), _TRIAL)
            # Blocks of 512 bytes, whatever the file system has (stat(2)).
            return os.fstat(trial.fileno()).st_blocks * 512 < _TRIAL // 2
    except OSError:
        return False


def making_holes(
    folder: str, layout: Layout, zeros: Zeros, skipped: Collection[int]
) -> Generator[None, None, tuple[range, ...]]:
    """
    Make the files that have pieces of zeros, as one hole each, one file a step.

    A file that exists already is left alone.

    :param folder: the save path.
    :param skipped: the numbers of the files that are not wanted.
    :returns: a generator, which returns the numbers of the pieces that the disk has now, in runs.
    """
    made: list[range] = []
    for number, runs in zeros.runs.items():
        if number in skipped:
            continue
        file = layout.files[number]
        if _make_hole(os.path.join(folder, file.path), file.size):
            made.extend(runs)
        yield
    return tuple(made)


def _make_hole(path: str, size: int) -> bool:
    """Make a file that is one hole; libtorrent meets and reports the same errors."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except OSError:
        return False
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        with suppress(OSError):
            os.unlink(path)
        return False
    finally:
        os.close(descriptor)
    return True

"""
The child process that deletes files, away from the reactor.

It reads an order from its standard input: one line of JSON for the order, and one for each path;
see :class:`Order`.  It writes the outcome as JSON to its standard output.  With ``erase`` false it
only counts.

It does not import Twisted, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, partial

from bitween.files.answers import write_answer
from bitween.files.deletion.trash import Trash, find_trash
from bitween.messages.catalogue import load_english
from bitween.model.stat_signature import file_times, time_of

#: Paths and sizes.
_Files = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Order:
    """
    What to delete.

    :param folder: the folder that holds the torrent's file or folder.
    :param root: the name of the torrent's file or folder.
    :param files: paths below ``folder``, sizes, and whether a file of another size stays because it
        is not what was downloaded; if false, only a larger file stays.
    :param part_file: the name of a file of libtorrent, which is deleted even if there is a trash.
    :param others: absolute paths of files of other torrents, which stay if they are the same files.
    :param signature: the stat signature of all these files as they were when last verified; empty
        if that is unknown.
    :param complete: whether every file is downloaded, so that a file that has changed since stays.
    :param erase: false to delete nothing, and report what would be deleted.
    """

    folder: str
    root: str
    files: tuple[tuple[str, int, bool], ...]
    part_file: str
    others: tuple[str, ...]
    signature: str
    complete: bool
    erase: bool

    @property
    def heading(self) -> dict[str, str | bool]:
        """The order without the paths."""
        return {
            "folder": self.folder,
            "root": self.root,
            "part_file": self.part_file,
            "signature": self.signature,
            "complete": self.complete,
            "erase": self.erase,
        }


@dataclass(slots=True)
class Outcome:
    """
    What was deleted, or would be.

    :param trash: whether the files go to the trash.
    :param kept: number of files that stay: other torrents have them, or the user has changed or
        moved them.
    :param failed: number of files that could not be deleted.
    :param error: the first error.
    """

    files: int = 0
    size: int = 0
    trash: bool = False
    kept: int = 0
    failed: int = 0
    error: str = ""

    def attempt(self, path: str, size: int, delete: Callable[[], object]) -> None:
        """
        Delete a file, and count it.

        :param path: names the file in :attr:`error`.
        :param size: bytes, which count if the file was deleted.
        :param delete: called once; raises ``OSError`` if the file cannot be deleted.
        """
        try:
            delete()
        except OSError as error:
            self.failed += 1
            self.error = self.error or f"{path!r}: {error.strerror}"
        else:
            self.files += 1
            self.size += size


def execute(order: Order, environ: Mapping[str, str]) -> Outcome:
    """
    Execute an order as far as possible.

    :param environ: environment variables, which tell where the trash is; see :func:`find_trash`.
    :returns: what was deleted, with the errors; without ``erase``, what would be deleted.
    """
    outcome = Outcome()
    if not os.path.isdir(order.folder):
        return outcome
    files = list(_present(order, outcome))
    trash = find_trash(order.folder, environ)
    outcome.trash = trash is not None
    if not order.erase:
        outcome.files, outcome.size = len(files), sum(size for _, size in files)
        return outcome
    if trash is None:
        _unlink(order, files, outcome)
    elif files:
        _move(order, files, outcome, trash)
    with suppress(OSError):
        os.unlink(os.path.join(order.folder, order.part_file))
    _remove_empty_folders(order)
    return outcome


def _present(order: Order, outcome: Outcome) -> Iterator[tuple[str, int]]:
    """The files that exist and belong to the torrent, with their current sizes."""
    real_folder = _real_folders()
    others = {os.path.join(real_folder(path), os.path.basename(path)) for path in order.others}
    others |= set(map(os.path.realpath, filter(os.path.islink, order.others)))
    top = real_folder(os.path.join(order.folder, ""))
    for (path, size, exact), time in zip(order.files, _times(order), strict=True):
        place = os.path.join(order.folder, path)
        try:
            found = os.lstat(place)
        except OSError:
            continue
        same = found.st_size == size or (not exact and found.st_size < size)
        straight = os.path.join(top, path)
        moved = os.path.join(real_folder(place), os.path.basename(path)) != straight
        shared, edited = straight in others, time not in {None, time_of(found)}
        if stat.S_ISREG(found.st_mode) and same and not (moved or shared or edited):
            yield path, found.st_size
        else:
            outcome.kept += 1


def _real_folders() -> Callable[[str], str]:
    """A function that resolves the links in the folder of a file."""
    known = cache(os.path.realpath)
    return lambda path: known(os.path.dirname(path))


def _times(order: Order) -> Sequence[bytes | None]:
    """
    The modification time that each file had when it was last verified.

    :returns: ``None`` for a file that may have any time, and a time that no file has where the time
        is unknown: rather keep a file than delete what the user has edited.
    """
    if not order.complete:
        return [None] * len(order.files)
    times = file_times(order.signature)
    return times if len(times) == len(order.files) else [b""] * len(order.files)


def _unlink(order: Order, files: _Files, outcome: Outcome) -> None:
    for path, size in files:
        outcome.attempt(path, size, partial(os.unlink, os.path.join(order.folder, path)))


def _move(order: Order, files: _Files, outcome: Outcome, trash: Trash) -> None:
    """
    Move files to the trash as one entry: a folder with the torrent's files.

    Moving the folder itself would also move files that the user has put there.
    """
    try:
        place = trash.reserve(os.path.join(os.path.realpath(order.folder), order.root))
    except OSError as error:
        outcome.failed = len(files)
        outcome.error = f"the trash cannot be used: {error.strerror}"
        return
    for path, size in files:
        moved = place + path[len(order.root) :]
        outcome.attempt(path, size, partial(_rename, os.path.join(order.folder, path), moved))
    if not outcome.files:
        trash.give_up(place)


def _rename(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    os.rename(path, target)


def _remove_empty_folders(order: Order) -> None:
    """Remove the torrent's folders that are empty."""
    folders: set[str] = set()
    for path, _, _ in order.files:
        above = os.path.dirname(path)
        while above and above not in folders:
            folders.add(above)
            above = os.path.dirname(above)
    for folder in sorted(folders, key=len, reverse=True):
        with suppress(OSError):
            os.rmdir(os.path.join(order.folder, folder))


def decoded(lines: Iterable[str]) -> Order:
    """
    Decode an order.

    :param lines: lines of JSON: the heading, an object; for each file ``[path, size, exact]``; for
        each path of ``others`` a string.
    """
    heading, *paths = map(json.loads, lines)
    others = tuple(path for path in paths if isinstance(path, str))
    files = tuple(tuple(path) for path in paths if not isinstance(path, str))
    return Order(files=files, others=others, **heading)


def main() -> None:
    """Carry out one order."""
    load_english()
    write_answer(asdict(execute(decoded(sys.stdin), os.environ)))


if __name__ == "__main__":
    main()

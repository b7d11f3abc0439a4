"""Where a torrent's files lie on the disk, and under which names."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from bitween.bittorrent._libtorrent import lt
from bitween.errors import SwarmError
from bitween.model.text import REPLACEMENT, printable
from bitween.model.torrent import MAX_SIZE, FileEntry
from bitween.model.wishes import Selection

_LONGEST_NAME = 255  # bytes, on every file system in use
# Bytes; 4,096 is Linux's limit, and the folder comes before it.
_LONGEST_PATH = 3000

# libtorrent's priorities of files.
_LEFT_OUT, _LOWEST, _NORMAL, _HIGHEST = 0, 1, 4, 7

#: Files that are never made: padding, and symbolic links that somebody else would lay out for us.
NOT_MADE = lt.file_storage.flag_pad_file | lt.file_storage.flag_symlink


@dataclass(frozen=True, slots=True)
class Layout:
    """
    A torrent's files on the disk.

    :param name: as the metadata has it; text to show, never a path.
    :param root: what holds everything: the one file, or the folder.
    :param total_size: bytes.
    :param files: with paths relative to the save path.
    :param renamed: the paths that are others than libtorrent would choose, by file index.
    :param programs: the paths of those files that the metadata wants to be executable.
    :param indexes: libtorrent's index of each of the files, in the same order.
    :param links: libtorrent's indexes of symbolic links.
    :param count: how many entries libtorrent sees: the files, padding and links.
    """

    name: str
    root: str
    total_size: int
    files: tuple[FileEntry, ...]
    renamed: Mapping[int, str]
    programs: tuple[str, ...]
    indexes: tuple[int, ...]
    links: tuple[int, ...]
    count: int

    def wanted_size(self, selection: Selection) -> int:
        """The bytes of the files that are selected."""
        skipped = selection.skipped
        if not skipped:
            return self.total_size
        return sum(file.size for i, file in enumerate(self.files) if i not in skipped)

    def priorities(self, selection: Selection) -> list[int]:
        """What libtorrent is to fetch, and what first: 0 (no) to 7 for each of its entries."""
        # Padding that belongs to a file that is left out would make libtorrent fetch its end.
        entries = [_LEFT_OUT if selection.skipped else _NORMAL] * self.count
        for link in self.links:
            entries[link] = _LEFT_OUT  # it would be made at once
        usual = _LOWEST if selection.first else _NORMAL
        for number, index in enumerate(self.indexes):
            entries[index] = _LEFT_OUT if number in selection.skipped else usual
        for place, number in enumerate(selection.first):
            if number not in selection.skipped:
                entries[self.indexes[number]] = max(_HIGHEST - place, _LOWEST)
        return entries


def read_layout(torrent_file: bytes, root: str | None = None, verbatim: bool = False) -> Layout:
    """
    Read from metadata which files a torrent has.

    Names from somebody else are only ever names.  libtorrent keeps them below the root: it takes
    out separators, ``..``, NUL, what is no UTF-8 and most of what steers a terminal, shortens them
    to 240 bytes, and tells files apart that differ in case only.  What it leaves is mended here.

    :param root: the name to use in place of the metadata's.
    :param verbatim: whether to take names as they stand.  Only for metadata that was made here, of
        files that lie there under these names.
    :raises SwarmError: if the metadata makes no sense.
    """
    try:
        params = lt.load_torrent_buffer(torrent_file)
    except RuntimeError as error:
        raise SwarmError(f"the metadata makes no sense: {printable(str(error))}") from None
    info = params.ti
    assert info is not None
    storage = info.layout()
    chosen = [storage.file_path(index) for index in range(storage.num_files())]
    safe = [params.renamed_files.get(index, path) for index, path in enumerate(chosen)]
    paths = _names_in(torrent_file) if verbatim else list(_mended(safe))
    if root is not None:
        paths = [_rerooted(path, root) for path in paths]
    if storage.total_size() > MAX_SIZE:
        raise SwarmError("the metadata makes no sense: larger than any disk")
    if max(len(os.fsencode(path)) for path in paths) > _LONGEST_PATH:
        raise SwarmError("the metadata makes no sense: a path in it is longer than any disk takes")
    flags = [storage.file_flags(index) for index in range(storage.num_files())]
    return Layout(
        name=info.name(),
        root=paths[0].split("/", 1)[0],
        total_size=storage.total_size(),
        files=tuple(
            FileEntry(path, storage.file_size(index))
            for index, path in enumerate(paths)
            if not flags[index] & NOT_MADE
        ),
        renamed=MappingProxyType(
            {i: path for i, path in enumerate(paths) if path != chosen[i]},
        ),
        programs=tuple(
            path
            for index, path in enumerate(paths)
            if flags[index] & lt.file_storage.flag_executable and not flags[index] & NOT_MADE
        ),
        indexes=tuple(i for i, flag in enumerate(flags) if not flag & NOT_MADE),
        links=tuple(i for i, flag in enumerate(flags) if flag & lt.file_storage.flag_symlink),
        count=len(flags),
    )


def make_plain(folder: str, paths: Sequence[str]) -> None:
    """
    Make empty files where none are, so that libtorrent does not make executable ones.

    It gives a file the mode that the metadata wants when it makes it, and leaves it alone later.
    What goes wrong here goes wrong there as well, and is told then.
    """
    for path in paths:
        target = os.path.join(folder, path)
        with suppress(OSError):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def free_root(folder: str, name: str, taken: Collection[str]) -> str:
    """
    Choose a name under which nothing lies in a folder yet.

    :param name: what would be the first choice; ``film.mkv`` becomes ``film (2).mkv``.
    :param taken: names that are spoken for, though nothing may lie there yet.
    """
    stem, extension = os.path.splitext(name)
    for number in itertools.count(2):
        end = f" ({number}){extension}"
        candidate = _cut(stem, _LONGEST_NAME - len(end.encode())) + end
        if candidate not in taken and not os.path.lexists(os.path.join(folder, candidate)):
            return candidate
    raise AssertionError("numbers do not end")


def leads_elsewhere(folder: str, files: Sequence[FileEntry]) -> bool:
    """Whether a symbolic link stands in the way to one of the files."""
    folders = {os.path.dirname(file.path) for file in files}
    paths = {file.path for file in files} | set(itertools.chain(*map(_with_parents, folders)))
    return any(os.path.islink(os.path.join(folder, path)) for path in paths)


def _with_parents(path: str) -> list[str]:
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _mended(paths: Sequence[str]) -> Iterator[str]:
    """Make paths fit to be shown, and each another than all others on any disk."""
    plain = [_plain(path) for path in paths]
    # Of folders too, for no file can lie where a folder has to be.
    taken = {
        _key(above)
        for folder in set(map(os.path.dirname, plain))
        for above in _with_parents(folder)
    }
    numbers: dict[str, int] = {}
    for path in plain:
        stem, extension = os.path.splitext(path)
        candidate, key = path, _key(path)
        number = numbers.get(key, 1)
        while _key(candidate) in taken:
            number += 1
            candidate = f"{stem} ({number}){extension}"
        numbers[key] = number
        taken.add(_key(candidate))
        yield candidate


def _plain(path: str) -> str:
    # A hidden file in somebody's home could be one that a shell runs.
    shown = f"_{path[1:]}" if path.startswith(".") else path
    if shown.isprintable():
        return shown
    return printable(shown, len(shown)).replace(REPLACEMENT, "_")


def _key(path: str) -> str:
    """What two paths have in common that some disks take for one."""
    return unicodedata.normalize("NFC", path).casefold()


def _names_in(torrent_file: bytes) -> list[str]:
    info = cast(Any, lt.bdecode(torrent_file))[b"info"]
    name: str = info[b"name"].decode()
    if b"files" not in info:
        return [name]
    return ["/".join([name, *map(bytes.decode, file[b"path"])]) for file in info[b"files"]]


def _rerooted(path: str, root: str) -> str:
    _, slash, rest = path.partition("/")
    return root + slash + rest


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")

"""Where a torrent's files lie on the disk, and under which names."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from bitween.bittorrent._libtorrent import lt
from bitween.errors import SwarmError
from bitween.model.text import printable
from bitween.model.torrent import MAX_SIZE, FileEntry

_LONGEST_NAME = 255  # bytes, on every file system in use


@dataclass(frozen=True, slots=True)
class Layout:
    """
    A torrent's files on the disk.

    :param name: as the metadata has it; text to show, never a path.
    :param root: what holds everything: the one file, or the folder.
    :param total_size: bytes.
    :param files: with paths relative to the save path.
    :param renamed: the paths that are others than libtorrent would choose, by file index.
    """

    name: str
    root: str
    total_size: int
    files: tuple[FileEntry, ...]
    renamed: Mapping[int, str]


def read_layout(torrent_file: bytes, root: str | None = None, verbatim: bool = False) -> Layout:
    """
    Read from metadata which files a torrent has.

    :param root: the name to use in place of the metadata's.
    :param verbatim: whether to take names as they stand.  Only for metadata that was made here, of
        files that lie there under these names: libtorrent mends names that could do harm.
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
    paths = _names_in(torrent_file) if verbatim else safe
    if root is not None:
        paths = [_rerooted(path, root) for path in paths]
    if storage.total_size() > MAX_SIZE:
        raise SwarmError("the metadata makes no sense: larger than any disk")
    return Layout(
        name=info.name(),
        root=paths[0].split("/", 1)[0],
        total_size=storage.total_size(),
        files=tuple(
            FileEntry(path, storage.file_size(index))
            for index, path in enumerate(paths)
            if not storage.file_flags(index) & lt.file_storage.flag_pad_file
        ),
        renamed=MappingProxyType(
            {i: path for i, path in enumerate(paths) if path != chosen[i]},
        ),
    )


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


def unlike(folder: str, files: Sequence[FileEntry]) -> str | None:
    """The path of the first file that is missing, or has another size than it should."""
    for file in files:
        try:
            if os.stat(os.path.join(folder, file.path)).st_size == file.size:
                continue
        except OSError:
            pass
        return file.path
    return None


def leads_elsewhere(folder: str, files: Sequence[FileEntry]) -> bool:
    """Whether a symbolic link stands in the way to one of the files."""
    folders = {os.path.dirname(file.path) for file in files}
    paths = {file.path for file in files} | set(itertools.chain(*map(_with_parents, folders)))
    return any(os.path.islink(os.path.join(folder, path)) for path in paths)


def _with_parents(path: str) -> list[str]:
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


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

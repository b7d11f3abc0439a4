"""
Where a torrent's files lie on the disk, and under which names.

A layout is a value that is read from the metadata (:func:`reading_layout`), with names that
:mod:`bitween.bittorrent.files.naming` chooses.  It translates between two ways to count:
libtorrent counts every entry, with padding and links, and bitween only the files that are made.
Under another root, or with other names, a torrent has another layout.

Everything here works in steps (``Steps``), because a torrent may have 100,000 files.
``Placement`` makes the layout of a download, ``torrent_files`` that of a stored torrent.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.files.naming import (
    Names,
    Steps,
    mending_paths,
    reading_names,
    shortened,
    split_extension,
    with_parents,
)
from bitween.errors import SwarmError
from bitween.model.metainfo import LONGEST_PATH
from bitween.model.naming import Naming
from bitween.model.text import printable
from bitween.model.torrent import MAX_SIZE, FileEntry
from bitween.model.torrent_options import Selection
from bitween.util.cooperate import batches

# libtorrent's priorities of files.
_LEFT_OUT, _LOWEST, _NORMAL, _HIGHEST = 0, 1, 4, 7

#: Files that are never made: padding, and symbolic links, whose targets a contact would choose.
NOT_MADE = lt.file_storage.flag_pad_file | lt.file_storage.flag_symlink


@dataclass(frozen=True, slots=True)
class Layout:
    """
    A torrent's files on the disk.

    :param name: as in the metadata; text to show, never a path.
    :param root: the name of the one file, or of the folder that holds all.
    :param total_size: bytes.
    :param files: with paths relative to the save path.
    :param paths: of every entry as libtorrent counts: files, padding and links.
    :param folders: how many folders hold the files.
    :param by_default: whether libtorrent chooses the same paths by itself; if not, it has to be
        given every one, for it may rename those that it is not given.
    :param programs: the paths of the files that the metadata wants to be executable.
    :param indexes: libtorrent's index of each of the files, in the same order.
    :param links: libtorrent's indexes of symbolic links.
    """

    name: str
    root: str
    total_size: int
    files: tuple[FileEntry, ...]
    paths: tuple[str, ...]
    folders: int
    by_default: bool
    programs: tuple[str, ...]
    indexes: tuple[int, ...]
    links: tuple[int, ...]

    def rerooting(self, root: str) -> Steps[Layout]:
        """
        Build the same layout under another root, in steps.

        :param root: the new name of the one file, or of the folder that holds all.
        """
        files: list[FileEntry] = []
        for some in batches(self.files):
            files.extend(self._moved(file, root) for file in some)
            yield
        paths: list[str] = []
        for some_paths in batches(self.paths):
            paths.extend(_rerooted(path, root) for path in some_paths)
            yield
        return replace(
            self,
            root=root,
            files=tuple(files),
            paths=tuple(paths),
            by_default=False,
            programs=tuple(_rerooted(path, root) for path in self.programs),
        )

    def _moved(self, file: FileEntry, root: str) -> FileEntry:
        path = _rerooted(file.path, root)
        # Only the root is renamed: a file in a folder keeps its name.
        original = file.original if "/" in path else _original(self.name, path)
        return replace(file, path=path, original=original)

    def wanted_size(self, selection: Selection) -> int:
        """The bytes of the selected files."""
        skipped = selection.skipped
        if not skipped:
            return self.total_size
        return sum(file.size for i, file in enumerate(self.files) if i not in skipped)

    def priorities(self, selection: Selection) -> list[int]:
        """The priority of each of libtorrent's entries: 0 (not fetched) to 7 (first)."""
        # Padding that belongs to a file that is left out would make libtorrent fetch its end.
        entries = [_LEFT_OUT if selection.skipped else _NORMAL] * len(self.paths)
        for link in self.links:
            entries[link] = _LEFT_OUT  # it would be made at once
        usual = _LOWEST if selection.first else _NORMAL
        for number, index in enumerate(self.indexes):
            entries[index] = _LEFT_OUT if number in selection.skipped else usual
        for place, number in enumerate(selection.first):
            if number not in selection.skipped:
                entries[self.indexes[number]] = max(_HIGHEST - place, _LOWEST)
        return entries


def reading_layout(
    torrent_file: bytes, root: str | None = None, names: Names | Naming = Naming.EXACT
) -> Steps[Layout]:
    """
    Read from metadata which files a torrent has, in steps.

    :param torrent_file: the bencoded .torrent.
    :param root: the name to use instead of the metadata's.
    :param names: the names of its files, or how to choose them.
    :raises SwarmError: if the metadata is damaged.
    """
    info = _loaded(torrent_file)
    yield
    storage = info.ti.layout() if info.ti else None
    assert storage is not None
    if storage.total_size() > MAX_SIZE:
        raise SwarmError("the metadata makes no sense: larger than any disk")
    default, flags = yield from _reading_entries(info, storage)
    if isinstance(names, Naming):
        names = yield from reading_names(torrent_file, names)
    given, paths = yield from _choosing_paths(names, default)
    if root is not None:
        paths = [_rerooted(path, root) for path in paths]
    if max(len(os.fsencode(path)) for path in paths) > LONGEST_PATH:
        raise SwarmError("the metadata makes no sense: a path in it is longer than any disk takes")
    made = [index for index, flag in enumerate(flags) if not flag & NOT_MADE]
    folders = yield from _counting_folders(paths[i] for i in made)
    files: list[FileEntry] = []
    for some in batches(made):
        files.extend(
            FileEntry(paths[i], storage.file_size(i), _original(given[i], paths[i])) for i in some
        )
        yield
    return Layout(
        name=given[0].split("/", 1)[0],
        root=paths[0].split("/", 1)[0],
        total_size=storage.total_size(),
        files=tuple(files),
        paths=tuple(paths),
        folders=folders,
        by_default=paths == default,
        programs=tuple(paths[i] for i in made if flags[i] & lt.file_storage.flag_executable),
        indexes=tuple(made),
        links=tuple(i for i, flag in enumerate(flags) if flag & lt.file_storage.flag_symlink),
    )


def _loaded(torrent_file: bytes) -> lt.add_torrent_params:
    """Read metadata with libtorrent."""
    try:
        return lt.load_torrent_buffer(torrent_file)
    except RuntimeError as error:
        raise SwarmError(f"the metadata makes no sense: {printable(str(error))}") from None


def _reading_entries(
    info: lt.add_torrent_params, storage: lt.file_storage
) -> Steps[tuple[list[str], list[int]]]:
    """Read libtorrent's path and flags of each entry, in steps."""
    # By itself libtorrent renames what differs in case only.
    renamed = info.renamed_files
    paths: list[str] = []
    flags: list[int] = []
    for some in batches(range(storage.num_files())):
        paths.extend(renamed.get(index) or storage.file_path(index) for index in some)
        flags.extend(map(storage.file_flags, some))
        yield
    return paths, flags


def _choosing_paths(names: Names, default: list[str]) -> Steps[tuple[Sequence[str], Sequence[str]]]:
    """
    Choose the paths of all entries, in steps.

    :param default: libtorrent's paths, which count if the names do not fit the metadata.
    :returns: the paths in the metadata, and those on the disk.
    """
    given, paths = names.given, names.chosen
    if given is None or len(given) != len(default):
        given, paths = default, None
    if paths is None:
        paths = yield from mending_paths(default)
    return given, paths


def _counting_folders(paths: Iterable[str]) -> Steps[int]:
    above = set()
    for folder in {os.path.dirname(path) for path in paths}:
        above.update(with_parents(folder))
        yield
    return len(above)


def _original(given: str, path: str) -> str:
    """The path that the metadata gives below its folder, if it differs from that on the disk."""
    if given == path:
        return ""
    below, chosen = given.partition("/")[2], path.partition("/")[2]
    if not below:
        return given if given != path else ""
    return below if below != chosen else ""


def making_empty_files(folder: str, paths: Sequence[str]) -> Iterator[None]:
    """
    Make empty files where none are, one a step, so that libtorrent makes no executable ones.

    libtorrent sets the mode that the metadata wants when it makes a file, and leaves the mode of an
    existing file alone.  It meets and reports the errors that are ignored here.

    :param folder: the save path.
    :param paths: relative to it; missing folders are made.
    """
    for path in paths:
        target = os.path.join(folder, path)
        with suppress(OSError):
            try:
                _make(target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                _make(target)
        yield


def _make(path: str) -> None:
    """
    Make an empty file.

    :raises OSError: if it cannot be made, or something exists there, even a link.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def free_root(folder: str, name: str, taken: Collection[str]) -> str:
    """
    Choose a name that nothing in a folder has yet.

    :param name: the name that is taken; ``film.mkv`` becomes ``film (2).mkv``.
    :param taken: names that are reserved, though nothing may have them yet.
    :returns: the name with the lowest free number, from 2.
    """
    stem, extension = split_extension(name)
    for number in itertools.count(2):
        candidate = shortened(stem, f" ({number}){extension}")
        if candidate not in taken and not os.path.lexists(os.path.join(folder, candidate)):
            return candidate
    raise AssertionError("numbers do not end")


def finding_links(folder: str, files: Sequence[FileEntry]) -> Steps[bool]:
    """
    Find out in steps whether the path of a file leads through a symbolic link.

    :param folder: the save path.
    :param files: with paths relative to it.
    """
    seen: set[str] = set()
    for file in files:
        # Innermost first: above a folder that was checked, all were.
        for path in reversed(with_parents(file.path)):
            if path in seen:
                break
            seen.add(path)
            if os.path.islink(os.path.join(folder, path)):
                return True
        yield
    return False


def _rerooted(path: str, root: str) -> str:
    _, slash, rest = path.partition("/")
    return root + slash + rest

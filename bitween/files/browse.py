"""Lists folders of the daemon's machine for clients that choose what to share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from bitween.errors import BadPath, NoSuchPath, UnreadablePath
from bitween.model.disk_path import checked_utf8
from bitween.model.text import is_utf8, visible, visible_path
from bitween.util.cooperate import run_in_slices

#: The most entries of a folder that are listed: as many as can be sorted without a pause.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """
    A file or a folder; a link counts as its target.

    :param name: printable.
    :param path: ``None`` if it is not UTF-8: then it cannot be used.
    :param size: bytes, ``None`` for a folder, and if unknown.
    """

    name: str
    path: str | None
    is_folder: bool
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FolderPage:
    """
    A page of the entries of a folder.

    :param path: without links; ``None`` for the list of roots.
    :param root: the root that holds the folder, or is it; without links.
    :param total: the number of entries on all pages.
    :param complete: whether the folder has no further entries.
    """

    path: str | None
    root: str | None
    total: int
    complete: bool
    entries: tuple[FolderEntry, ...]


class Folders:
    """Lists folders within the roots; links do not lead out of them."""

    def __init__(self, reactor: IReactorTime, roots: Sequence[str], hidden: bool = True) -> None:
        """
        :param reactor: runs while a large folder is read.
        :param roots: absolute paths.
        :param hidden: whether entries whose names begin with a dot are listed.
        """
        self._reactor = reactor
        self._roots = tuple(roots)
        self._hidden = hidden

    async def page(self, path: str | None, offset: int, limit: int) -> FolderPage:
        """
        List a folder, folders first.

        :param path: absolute; ``None`` for the roots.
        :param offset: the number of entries to skip.
        :param limit: the most entries to return.
        :raises BadPath: if it does not exist, is not within a root, or is not a folder.
        :raises UnreadablePath: if permission is denied.
        """
        if path is None:
            roots = tuple(FolderEntry(root, root, True) for root in self._roots)
            return FolderPage(None, None, len(roots), True, roots[offset : offset + limit])
        descriptor = _opened(self._resolved(path))
        try:
            # The folder may have been replaced after the check of its path.
            folder = os.readlink(f"/proc/self/fd/{descriptor}")
            if not self._allowed(checked_utf8(folder)):
                raise _outside(path)
            return await self._read(descriptor, folder, offset, limit)
        finally:
            os.close(descriptor)

    def _resolved(self, path: str) -> str:
        folder = os.path.realpath(path)
        if not os.path.isabs(path) or not self._allowed(folder):
            raise _outside(path)
        return folder

    async def _read(self, descriptor: int, folder: str, offset: int, limit: int) -> FolderPage:
        found: list[FolderEntry] = []
        with os.scandir(descriptor) as listed:
            seen = itertools.islice(listed, MOST)
            await run_in_slices(self._reactor, self._entries(folder, seen, found))
            complete = next(listed, None) is None
        found.sort(key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))
        return FolderPage(
            folder,
            self._root_of(folder),
            len(found),
            complete,
            tuple(_measured(entry, descriptor) for entry in found[offset : offset + limit]),
        )

    def _entries(
        self, folder: str, listed: Iterator[os.DirEntry[str]], found: list[FolderEntry]
    ) -> Iterator[None]:
        for entry in listed:
            path = os.path.join(folder, entry.name)
            if self._is_listed(entry, path):
                if _is(entry.is_dir):
                    found.append(_entry(entry.name, path, True))
                elif _is(entry.is_file):
                    found.append(_entry(entry.name, path, False))
            yield

    def _is_listed(self, entry: os.DirEntry[str], path: str) -> bool:
        if entry.name.startswith(".") and not self._hidden:
            return False
        return not entry.is_symlink() or self._allowed(os.path.realpath(path))

    def _allowed(self, path: str) -> bool:
        return self._root_of(path) is not None

    def _root_of(self, path: str) -> str | None:
        """The root that holds a path without links; ``None`` if the path may not be listed."""
        for root in map(os.path.realpath, self._roots):
            if path == root:
                return root
            if path.startswith(os.path.join(root, "")):
                below = os.path.relpath(path, root).split(os.sep)
                if self._hidden or not any(part.startswith(".") for part in below):
                    return root
        return None


def _opened(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoSuchPath.of("no_such_path.path", path=visible_path(folder)) from None
    except PermissionError:
        raise UnreadablePath.of("unreadable_path.path", path=visible_path(folder)) from None
    except NotADirectoryError:
        raise BadPath.of("bad_path.not_a_folder", path=visible_path(folder)) from None
    except OSError as error:
        raise BadPath.of(
            "bad_path.not_listed", path=visible_path(folder), why=str(error.strerror)
        ) from None


def _outside(path: str) -> BadPath:
    return BadPath.of("bad_path.outside", path=visible_path(path))


def _is(test: object) -> bool:
    try:
        return bool(test())  # type: ignore[operator]  # is_dir or is_file of an entry
    except OSError:  # a circular link, or a faulty disk
        return False


def _entry(name: str, path: str, is_folder: bool) -> FolderEntry:
    return (
        FolderEntry(name, path, is_folder)
        if is_utf8(name)
        else FolderEntry(visible(name), None, is_folder)
    )


def _measured(entry: FolderEntry, descriptor: int) -> FolderEntry:
    if entry.is_folder or entry.path is None:
        return entry
    try:
        size = os.stat(entry.name, dir_fd=descriptor).st_size
    except OSError:
        return entry
    return FolderEntry(entry.name, entry.path, False, size)

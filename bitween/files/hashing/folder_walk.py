"""
Lists the files of a path that are shared: symbolic links, ignore rules and hidden files.

Part of the hashing process: imports neither Twisted nor libtorrent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pathspec import GitIgnoreSpec

from bitween.errors import (
    BadPath,
    BitweenError,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnreadablePath,
)
from bitween.model.disk_path import checked_utf8
from bitween.model.metainfo import LONGEST_PATH, MAX_DEPTH, PADDING
from bitween.model.skipped_files import MOST_NAMED, LeftOut, LeftOutEntry, Why
from bitween.model.text import is_utf8, visible, visible_path

#: A file in a shared folder, or below it, that names what to leave out, in gitignore syntax.
IGNORE_FILE = ".bitweenignore"

# The most bytes of a path in a system call.
_PATH_MAX = 4095

# Entries left out that an error names, and characters of each path that is named.
_NAMED_IN_ERRORS = 5
_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class FoundFile:
    """
    A file to hash, as it was when it was listed.

    :param parts: its path below the shared folder; empty if the file itself is shared.
    """

    path: str
    parts: tuple[str, ...]
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class _Rules:
    """The patterns of one ignore file, which are relative to its folder."""

    depth: int
    spec: GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class FolderListing:
    """
    The files of a path that are shared, and those that are left out without being asked for.

    :param files: in an order that depends only on the names.
    """

    files: list[FoundFile]
    left_out: LeftOut


def list_files(
    path: str, hidden: bool = True, strict: bool = False, private: Sequence[str] = ()
) -> FolderListing:
    """
    List the files of a path that can be shared.

    Left out are folders behind symbolic links, entries that are not files, files that others could
    not store unchanged, and files that we cannot read.  A link to a file counts as that file if it
    lies within the shared folder.  Files that an ignore file names are left out, too, and so are
    the ignore files: they show what the user does not want to show.

    :param path: a file or folder.
    :param hidden: whether files and folders below the path whose names begin with a dot count.
    :param strict: whether to refuse a folder of which something is left out that neither the ignore
        files nor ``hidden`` leave out.
    :param private: paths, without symbolic links, that are never shared, nor anything below them.
    :raises BadPath: if there is nothing to share, or the path itself cannot be read or named.
    :raises HashingFailed: if the disk cannot be read.
    """
    name = os.path.basename(checked_utf8(path))
    if not name:
        raise BadPath.of("bad_path.nameless", path=visible_path(path))
    if PADDING in name:
        raise BadPath.of("bad_path.padding", path=visible_path(path))
    found = _stat(path)
    if stat.S_ISREG(found.st_mode):
        if found.st_size == 0:
            raise BadPath.of("bad_path.empty", path=visible_path(path))
        return FolderListing([FoundFile(path, (), found.st_size, found.st_mtime_ns)], LeftOut())
    if not stat.S_ISDIR(found.st_mode):
        raise BadPath.of("bad_path.neither", path=visible_path(path))
    walk = _Walk(path, hidden, private)
    files = sorted(walk.files(path, (), ()), key=_order)
    left_out = walk.left_out.value
    if strict and left_out.total:
        raise BadPath.of(
            "bad_path.left_out",
            path=visible_path(path),
            left_out=str(left_out.first(_NAMED_IN_ERRORS)),
        )
    if not any(file.size for file in files):
        raise EmptyFolder.of(
            "empty_folder.left_out" if left_out.total else "empty_folder.no_content",
            path=visible_path(path),
            left_out=str(left_out.first(_NAMED_IN_ERRORS)),
        )
    return FolderListing(files, left_out)


def unusable(path: str, error: OSError) -> BitweenError:
    """The error for a path that cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NoSuchPath.of("no_such_path.path", path=visible_path(path))
    if isinstance(error, PermissionError):
        return UnreadablePath.of("unreadable_path.path", path=visible_path(path))
    why = str(error.strerror)
    return HashingFailed.of("hashing_failed.unreadable", path=visible_path(path), why=why)


def _order(file: FoundFile) -> tuple[bytes, ...]:
    return tuple(part.encode() for part in file.parts)


@dataclass(slots=True)
class _LeftOut:
    """Collects the entries that are left out."""

    entries: list[LeftOutEntry] = field(default_factory=list)
    total: int = 0

    def add(self, parts: Sequence[str], why: Why) -> None:
        self.total += 1
        if len(self.entries) < MOST_NAMED:
            self.entries.append(LeftOutEntry(visible("/".join(parts), _LONGEST_SHOWN), why))

    @property
    def value(self) -> LeftOut:
        return LeftOut(tuple(self.entries), self.total)


class _Walk:
    """One walk through a shared folder."""

    def __init__(self, root: str, hidden: bool, private: Sequence[str]) -> None:
        self._inside = os.path.join(os.path.realpath(root), "")
        name = os.path.basename(root)
        self._room = min(LONGEST_PATH - len(name.encode()), _PATH_MAX - len(root.encode()))
        self._hidden = hidden
        self._private = frozenset(private)
        self.left_out = _LeftOut()

    def files(
        self, folder: str, above: tuple[str, ...], rules: tuple[_Rules, ...]
    ) -> Iterator[FoundFile]:
        """
        The files of a folder and of those below it, in any order.

        :param above: the folder's own path below the shared one.
        :param rules: of the folders above it, outermost first.
        """
        entries = self._entries(folder, above)
        if any(entry.name == IGNORE_FILE for entry in entries):
            rules = (*rules, _Rules(len(above), _read_rules(os.path.join(folder, IGNORE_FILE))))
        for entry in entries:
            if entry.name == IGNORE_FILE or (entry.name.startswith(".") and not self._hidden):
                continue
            parts = (*above, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules and _ignored(parts, is_folder, rules):
                continue
            # After the rules: what they leave out need not be fit to be shared.
            why = self._unfit(parts) or self._kept_private(entry, parts)
            why = why or (None if is_folder else self._no_file(entry))
            if why:
                self.left_out.add(parts, why)
            elif is_folder:
                yield from self.files(entry.path, parts, rules)
            else:
                found = _stat(entry.path)
                yield FoundFile(entry.path, parts, found.st_size, found.st_mtime_ns)

    def _entries(self, folder: str, above: tuple[str, ...]) -> list[os.DirEntry[str]]:
        try:
            entries = _entries(folder)
        except UnreadablePath:
            if not above:
                raise
            self.left_out.add(above, Why.UNREADABLE)
            return []
        if not entries and above:
            self.left_out.add(above, Why.EMPTY_FOLDER)
        return entries

    def _unfit(self, parts: Sequence[str]) -> Why | None:
        """Why a path cannot stand in a torrent."""
        if not is_utf8(parts[-1]):
            return Why.NOT_UTF8
        if PADDING in parts[-1]:
            return Why.PADDING
        too_deep = len(parts) - 1 > MAX_DEPTH
        if too_deep or sum(len(part.encode()) + 1 for part in parts) > self._room:
            return Why.TOO_LONG
        return None

    def _kept_private(self, entry: os.DirEntry[str], parts: Sequence[str]) -> Why | None:
        """Why something is never shared."""
        if not self._private:
            return None
        path = os.path.join(self._inside, *parts)
        if entry.is_symlink():
            path = os.path.realpath(path)
            private = any(_lies_in(path, each) for each in self._private)
        else:
            # What holds it has been looked at before.
            private = path in self._private
        return Why.PRIVATE if private else None

    def _no_file(self, entry: os.DirEntry[str]) -> Why | None:
        """Why something that is no folder cannot be read as a file."""
        if entry.is_symlink():
            if not os.path.exists(entry.path):
                return Why.BROKEN_LINK
            if os.path.isdir(entry.path):
                return Why.LINK_TO_FOLDER
            if not os.path.realpath(entry.path).startswith(self._inside):
                return Why.LINK_OUTSIDE
        if not entry.is_file():
            return Why.SPECIAL
        return None if os.access(entry.path, os.R_OK, effective_ids=True) else Why.UNREADABLE


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unusable(folder, error) from None


def _read_rules(path: str) -> GitIgnoreSpec:
    """
    :raises BadPath: if it cannot be read or understood: what it names must not be shared.
    """
    if not stat.S_ISREG(_stat(path).st_mode):
        raise BadPath.of("bad_path.no_patterns", path=visible_path(path))
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            return GitIgnoreSpec.from_lines(file)
    except OSError as error:
        raise unusable(path, error) from None
    except ValueError as error:
        raise BadPath.of("bad_path.bad_pattern", path=visible_path(path), why=str(error)) from None


def _ignored(parts: tuple[str, ...], is_folder: bool, rules: Sequence[_Rules]) -> bool:
    """Whether the rules leave something out: the innermost file that speaks of it decides."""
    for rule in reversed(rules):
        path = "/".join(parts[rule.depth :]) + ("/" if is_folder else "")
        include = rule.spec.check_file(path).include
        if include is not None:
            return include
    return False


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise unusable(path, error) from None

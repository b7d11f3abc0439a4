"""
Lists the files of a path that are shared: symbolic links, ignore rules and hidden files.

Part of the hashing process: imports neither Twisted nor libtorrent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from bitween.errors import (
    BadPath,
    BitweenError,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnreadablePath,
)

#: In a shared folder, or in any folder below it: what to leave out, in the syntax of gitignore.
IGNORE_FILE = ".bitweenignore"


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


@dataclass(frozen=True, slots=True)
class _Rules:
    """What one ignore file says; its patterns count from the folder in which it lies."""

    depth: int
    spec: GitIgnoreSpec


def list_files(path: str, hidden: bool = True) -> list[Found]:
    """
    List what of a path can be shared, in an order that depends on nothing but the names.

    Folders behind symbolic links are left out, and so is whatever is no file; a link to a file
    counts as that file if it lies within the shared folder.  What the ignore files name is left
    out, and so are they themselves: they tell what somebody does not want to show.

    :param hidden: whether files and folders below the path whose name begins with a dot count.
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
    files = sorted(_Walk(path, hidden).files(path, (), ()), key=_order)
    if not any(file.size for file in files):
        raise EmptyFolder(
            f"{path!r} holds no content that is shared", "a folder needs a file to be shared"
        )
    return files


def unusable(path: str, error: OSError) -> BitweenError:
    """Why a path cannot be read, as an error of ours."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NoSuchPath(f"{path!r} does not exist")
    if isinstance(error, PermissionError):
        return UnreadablePath(f"{path!r} may not be read", "check its permissions")
    return HashingFailed(f"{path!r} cannot be read: {error.strerror}", "check the disk")


def _order(file: Found) -> tuple[bytes, ...]:
    return tuple(part.encode() for part in file.parts)


class _Walk:
    """One way through a shared folder."""

    def __init__(self, root: str, hidden: bool) -> None:
        self._inside = os.path.join(os.path.realpath(root), "")
        self._hidden = hidden

    def files(
        self, folder: str, above: tuple[str, ...], rules: tuple[_Rules, ...]
    ) -> Iterator[Found]:
        """
        The files of a folder and of those below it, in any order.

        :param above: the folder's own path below the shared one.
        :param rules: of the folders above it, outermost first.
        """
        entries = _entries(folder)
        if any(entry.name == IGNORE_FILE for entry in entries):
            rules = (*rules, _Rules(len(above), _read_rules(os.path.join(folder, IGNORE_FILE))))
        for entry in entries:
            if entry.name == IGNORE_FILE or (entry.name.startswith(".") and not self._hidden):
                continue
            parts = (*above, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules and _ignored(parts, is_folder, rules):
                continue
            # After the rules: what is left out need not be fit to be shared.
            _check_name(entry.path)
            if is_folder:
                yield from self.files(entry.path, parts, rules)
            elif self._is_ours(entry):
                found = _stat(entry.path)
                yield Found(entry.path, parts, found.st_size, found.st_mtime_ns)

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False)
        return os.path.realpath(entry.path).startswith(self._inside) and os.path.isfile(entry.path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise unusable(folder, error) from None


def _read_rules(path: str) -> GitIgnoreSpec:
    """
    :raises BadPath: if it cannot be read or understood: what it names must not be shared.
    """
    if not stat.S_ISREG(_stat(path).st_mode):
        raise BadPath(f"{path!r} is no file", "it should hold patterns, one a line")
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            return GitIgnoreSpec.from_lines(file)
    except OSError as error:
        raise unusable(path, error) from None
    except ValueError as error:
        raise BadPath(f"{path!r} cannot be understood: {error}", "mend that pattern") from None


def _ignored(parts: tuple[str, ...], is_folder: bool, rules: Sequence[_Rules]) -> bool:
    """Whether the rules leave something out: the innermost file that speaks of it decides."""
    for rule in reversed(rules):
        path = "/".join(parts[rule.depth :]) + ("/" if is_folder else "")
        include = rule.spec.check_file(path).include
        if include is not None:
            return include
    return False


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
        raise unusable(path, error) from None

"""
Measures metadata from a contact before anything is built from it (BEP 3, BEP 52).

A few megabytes of metadata can describe half a million folders, whose paths take a hundred times as
much memory, and gigabytes on the disk.  This module measures the bytes as they came, in steps
between which the reactor runs.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from bitween.errors import SwarmError
from bitween.model.metainfo import (
    LONGEST_PATH,
    MAX_DEPTH,
    MAX_FILES,
    MAX_FOLDERS,
    MAX_METADATA,
    MAX_PROGRAMS,
)
from bitween.util.cooperate import batches

# How many unused values are passed over in one step.
_STEP = 500
_LONGEST_NUMBER = 20
# How deep unused values may be nested; libtorrent takes 100.
_DEEPEST = 100

_Steps = Generator[None, None, None]


@dataclass(slots=True)
class Extent:
    """
    What metadata describes.

    :param files: entries, padding among them.
    :param folders: below the torrent's own folder.
    :param size: bytes of all files.
    :param paths: of the files, in libtorrent's order; nothing in them is safe.  Slashes separate
        the components; a slash within one is a NUL here, and bytes that are not UTF-8 are lone
        surrogates.  ``None`` where only libtorrent can read them: version 2, and damaged metadata.
    """

    files: int
    folders: int
    size: int
    paths: list[str] | None


@dataclass(slots=True)
class _Counts:
    """The counts for one list of files; hybrid torrents have two lists."""

    files: int = 0
    programs: int = 0
    size: int = 0
    path_bytes: int = 0
    paths: list[str] | None = field(default_factory=list)
    # Hashes of their paths: the paths themselves would take much memory.
    folders: set[int] = field(default_factory=set)

    def check(self) -> None:
        """
        :raises SwarmError: if a bound is exceeded.
        """
        if self.files > MAX_FILES:
            raise _too_much(f"more than {MAX_FILES:,} files")
        if len(self.folders) > MAX_FOLDERS:
            raise _too_much(f"more than {MAX_FOLDERS:,} folders")
        if self.programs > MAX_PROGRAMS:
            raise _too_much(f"more than {MAX_PROGRAMS:,} programs")
        if self.path_bytes > MAX_METADATA:
            raise _too_much(f"more than {MAX_METADATA:,} bytes of paths")


def scanning(info: bytes, *, bounded: bool) -> Generator[None, None, Extent]:
    """
    Measure an info dictionary, some of it a step.

    :param info: the bencoded info dictionary.
    :param bounded: whether to apply the bounds for metadata from contacts.
    :returns: a generator, which returns the extent.
    :raises SwarmError: if it is damaged, or exceeds the bounds.
    """
    if bounded and len(info) > MAX_METADATA:
        raise _too_much(f"more than {MAX_METADATA:,} bytes")
    try:
        found = yield from _Scan(info, bounded).scanning()
    except (IndexError, ValueError):
        raise SwarmError("the metadata makes no sense: it cannot be read") from None
    return found


class _Scan:
    """One pass through the bytes."""

    def __init__(self, data: bytes, bounded: bool) -> None:
        self._data = data
        self._bounded = bounded
        self._at = 0

    def scanning(self) -> Generator[None, None, Extent]:
        """Read the dictionary."""
        first, second = _Counts(), _Counts()
        names: dict[bytes, bytes] = {}
        single = newer = False
        self._open(b"d")
        while not self._ends():
            key = self._string()
            newer = newer or key in (b"file tree", b"meta version")
            if key == b"files":
                yield from self._file_list(first)
            elif key == b"file tree":
                yield from self._tree(second, 0, 0, 0)
            elif key == b"length":
                single, first.files, first.size = True, 1, self._size()
            elif key in (b"name", b"name.utf-8"):
                names[key] = self._string()
            else:
                yield from self._skipping()
        name = names.get(b"name.utf-8", names.get(b"name"))
        paths = None
        if name is not None and not newer and first.paths is not None:
            root = _component(name)
            paths = [root] if single else []
            for some in batches(first.paths):
                paths.extend(f"{root}/{path}" for path in some)
                yield
        return Extent(
            max(first.files, second.files),
            max(len(first.folders), len(second.folders)),
            max(first.size, second.size),
            paths,
        )

    def _file_list(self, counts: _Counts) -> _Steps:
        self._open(b"l")
        while not self._ends():
            self._open(b"d")
            counts.files += 1
            paths: dict[bytes, str] = {}
            while not self._ends():
                key = self._string()
                if key in (b"path", b"path.utf-8"):
                    paths[key] = self._path(counts)
                elif key == b"length":
                    counts.size += self._size()
                elif key == b"attr":
                    counts.programs += b"x" in self._string()
                else:
                    yield from self._skipping()
            # Some programs give a path in their own encoding and also in UTF-8.
            path = paths.get(b"path.utf-8", paths.get(b"path"))
            if path and counts.paths is not None:
                counts.paths.append(path)
            else:
                # A file without a path would lie beside the folder that holds the others.
                counts.paths = None
            self._check(counts)
            yield

    def _path(self, counts: _Counts) -> str:
        self._open(b"l")
        depth = length = folder = 0
        names = []
        while not self._ends():
            if self._bounded and depth > MAX_DEPTH:
                raise _too_much(f"more than {MAX_DEPTH} folders one in another")
            if depth:
                counts.folders.add(folder)
            name = self._string()
            names.append(_component(name))
            folder = hash((folder, name))
            depth += 1
            length += len(name) + 1
        counts.path_bytes += self._checked(length)
        return "/".join(names)

    def _tree(self, counts: _Counts, depth: int, above: int, length: int) -> _Steps:
        if self._bounded and depth > MAX_DEPTH + 1:
            raise _too_much(f"more than {MAX_DEPTH} folders one in another")
        self._open(b"d")
        while not self._ends():
            name = self._string()
            if name:
                if depth:
                    counts.folders.add(above)
                longer = self._checked(length + len(name) + 1)
                yield from self._tree(counts, depth + 1, hash((above, name)), longer)
            else:
                counts.files += 1
                counts.path_bytes += length
                yield from self._properties(counts)
            self._check(counts)
            yield

    def _properties(self, counts: _Counts) -> _Steps:
        self._open(b"d")
        while not self._ends():
            key = self._string()
            if key == b"length":
                counts.size += self._size()
            elif key == b"attr":
                counts.programs += b"x" in self._string()
            else:
                yield from self._skipping()

    def _check(self, counts: _Counts) -> None:
        if self._bounded:
            counts.check()

    def _checked(self, length: int) -> int:
        if self._bounded and length > LONGEST_PATH + 1:
            raise SwarmError(
                "the metadata makes no sense: a path in it is longer than any disk takes"
            )
        return length

    def _skipping(self) -> _Steps:
        """Skip a value of any kind."""
        depth = count = 0
        while True:
            kind = self._data[self._at : self._at + 1]
            if kind in (b"l", b"d"):
                self._at += 1
                depth += 1
            elif kind == b"e" and depth:
                self._at += 1
                depth -= 1
            elif kind == b"i":
                self._number()
            else:
                self._string()
            if depth > _DEEPEST:
                raise ValueError
            if not depth:
                return
            count += 1
            if count % _STEP == 0:
                yield

    def _open(self, kind: bytes) -> None:
        if self._data[self._at : self._at + 1] != kind:
            raise ValueError
        self._at += 1

    def _ends(self) -> bool:
        if self._data[self._at] != ord("e"):
            return False
        self._at += 1
        return True

    def _number(self) -> int:
        self._open(b"i")
        end = self._data.index(b"e", self._at, self._at + _LONGEST_NUMBER + 1)
        number = int(self._data[self._at : end])
        self._at = end + 1
        return number

    def _size(self) -> int:
        size = self._number()
        if size < 0:
            raise ValueError
        return size

    def _string(self) -> bytes:
        colon = self._data.index(b":", self._at, self._at + _LONGEST_NUMBER)
        digits = self._data[self._at : colon]
        if not digits.isdigit():
            raise ValueError
        end = colon + 1 + int(digits)
        if end > len(self._data):
            raise IndexError
        self._at = end
        return self._data[colon + 1 : end]


def _component(name: bytes) -> str:
    return name.decode(errors="surrogateescape").replace("/", "\0")


def _too_much(what: str) -> SwarmError:
    return SwarmError(f"its list of files is too much: {what}")

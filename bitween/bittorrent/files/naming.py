"""Which names the files of a torrent get on the disk, and whether the disk can hold them."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bitween.bittorrent.engine.metadata_scan import scanning
from bitween.errors import SwarmError
from bitween.model.metainfo import info_section
from bitween.model.naming import Naming
from bitween.model.text import REPLACEMENT, printable
from bitween.util.cooperate import batches

_T = TypeVar("_T")
#: Work in steps of a few milliseconds at most; the generator returns the result.
Steps = Generator[None, None, _T]

#: Bytes of a name, on every file system in use.
LONGEST_NAME = 255
# The same where a file system keeps names encrypted (eCryptfs).
_LONGEST_PORTABLE_NAME = 140
_LONGEST_EXTENSION = 200

_SUBSTITUTE = "_"
# Characters that FAT, exFAT and NTFS do not take.
_NOT_PORTABLE = str.maketrans(dict.fromkeys('\\:*?"<>|', _SUBSTITUTE))

# A path that is safe as it is, on every disk: most are.  No component is too long, is empty or ends
# in a dot or a space, and the first does not begin with a dot.
_COMMON = r"-\w()\[\]{}!#$%&'+,;=@^~"
_SAFE_NAME = rf"[{_COMMON} .]{{0,{_LONGEST_PORTABLE_NAME - 1}}}[{_COMMON}]"
_SAFE_EVERYWHERE = re.compile(rf"(?!\.){_SAFE_NAME}(?:/{_SAFE_NAME})*", re.ASCII)

# Pairs of names that some file systems take for one: they differ in case, and in normalization.
_ALIKE = ("bitween", "BITWEEN", "\u00fc", "u\u0308")
# At most so many names of a torrent are tried out on a disk.
_MOST_TRIED = 50


@dataclass(frozen=True, slots=True)
class Names:
    """
    The names of the files of a torrent.

    :param given: in the metadata, see :class:`Extent`; ``None`` if only libtorrent can read them.
    :param chosen: for the disk; ``None`` if libtorrent chooses them.
    """

    naming: Naming
    given: Sequence[str] | None
    chosen: Sequence[str] | None


def reading_names(torrent_file: bytes, naming: Naming) -> Steps[Names]:
    """
    Read the names in the metadata, and choose those on the disk, in steps.

    :param torrent_file: the bencoded .torrent.
    """
    given = yield from reading_paths(torrent_file)
    if given is None or naming is Naming.LIBTORRENT:
        return Names(Naming.LIBTORRENT, given, None)
    return Names(naming, given, (yield from choosing_paths(given, naming)))


def reading_paths(torrent_file: bytes) -> Steps[list[str] | None]:
    """
    Read the paths that the metadata gives, in steps; see :class:`Extent`.

    :param torrent_file: the bencoded .torrent.
    :returns: ``None`` if only libtorrent can read them: version 2 (BEP 52), and damaged metadata.
    """
    try:
        extent = yield from scanning(info_section(torrent_file), bounded=False)
    except SwarmError:
        return None
    return extent.paths


def choosing_paths(given: Sequence[str], naming: Naming) -> Steps[list[str]]:
    """
    Choose the paths of a torrent's files, each different from all others on the disk, in steps.

    :param given: see :class:`Extent`.
    """
    if naming is Naming.VERBATIM:
        return list(given)
    portable = naming is Naming.PORTABLE
    safe: list[str] = []
    for some in batches(given):
        safe.extend(_safe(path, portable) for path in some)
        yield
    return (yield from _making_distinct(safe, _folded if portable else str))


def choosing_names(folder: str, given: Sequence[str] | None) -> Steps[Names]:
    """
    Choose the names of the files of a torrent in a folder: exact ones, if its disk takes them.

    :param folder: the save path.
    :param given: see :class:`Extent`.
    """
    if given is None:
        return Names(Naming.LIBTORRENT, None, None)
    portable = yield from choosing_paths(given, Naming.PORTABLE)
    if portable == given:
        # Names that every disk takes and tells apart contain nothing that could mislead.
        return Names(Naming.EXACT, given, portable)
    exact = yield from choosing_paths(given, Naming.EXACT)
    if exact == portable or (yield from _finding_out(folder, exact, portable)):
        return Names(Naming.EXACT, given, exact)
    return Names(Naming.PORTABLE, given, portable)


def _finding_out(folder: str, exact: Sequence[str], portable: Sequence[str]) -> Steps[bool]:
    """Try out whether a disk takes the exact names, and tells them apart."""
    tried: dict[str, None] = {}
    if (yield from _making_distinct(exact, _folded)) != exact:
        tried.update(dict.fromkeys(_ALIKE))
    for path, other in zip(exact, portable, strict=True):
        if path != other and len(tried) < _MOST_TRIED:
            tried.update(dict.fromkeys(path.split("/")))
        yield
    return _holds(folder, list(tried))


def mending_paths(paths: Sequence[str]) -> Steps[list[str]]:
    """
    Make the paths that libtorrent chooses fit to be shown, as bitween 0.1 did, in steps.

    :param paths: relative to the save path.
    """
    return (yield from _making_distinct([_plain(path) for path in paths], _folded))


def shortened(stem: str, end: str) -> str:
    """
    Append an ending to a name, within the bytes that a disk takes (:data:`LONGEST_NAME`).

    :param stem: loses its last characters if there is no room for all.
    :param end: is kept whole.
    """
    return _cut(stem, LONGEST_NAME - len(end.encode())) + end


def split_extension(name: str) -> tuple[str, str]:
    """
    Split a name before its extension, unless the extension leaves no room for a number.

    :returns: the stem, and the extension with its dot; the latter may be empty.
    """
    stem, extension = os.path.splitext(name)
    return (stem, extension) if len(extension.encode()) <= _LONGEST_EXTENSION else (name, "")


def _safe(path: str, portable: bool) -> str:
    if _SAFE_EVERYWHERE.fullmatch(path):
        return path
    parts = [_safe_name(part, portable) for part in path.split("/")]
    # A hidden file in a home folder could be one that a shell runs.
    if parts[0].startswith("."):
        parts[0] = _SUBSTITUTE + parts[0][1:]
    return "/".join(parts)


def _safe_name(name: str, portable: bool) -> str:
    safe = name if name.isprintable() else printable(name, len(name), _SUBSTITUTE)
    if safe in ("", ".", ".."):
        return _SUBSTITUTE * max(1, len(safe))
    if not portable:
        return _cut(safe, LONGEST_NAME)
    safe = _cut(safe.translate(_NOT_PORTABLE), _LONGEST_PORTABLE_NAME)
    kept = safe.rstrip(". ")
    return kept + _SUBSTITUTE * (len(safe) - len(kept))


def _plain(path: str) -> str:
    shown = f"{_SUBSTITUTE}{path[1:]}" if path.startswith(".") else path
    if shown.isprintable():
        return shown
    return printable(shown, len(shown)).replace(REPLACEMENT, _SUBSTITUTE)


def _making_distinct(paths: Sequence[str], key: Callable[[str], str]) -> Steps[list[str]]:
    """
    Number the paths that a disk cannot tell apart, in steps.

    :param key: returns what such paths have in common.
    """
    # Folders count, too: no file can lie where a folder has to be.
    taken: set[str] = set()
    for folder in set(map(os.path.dirname, paths)):
        taken.update(map(key, with_parents(folder)))
        yield
    numbers: dict[str, int] = {}
    distinct = []
    for some in batches(paths):
        for path in some:
            candidate, folded = path, key(path)
            if folded in taken:
                folder, name = os.path.split(path)
                stem, extension = split_extension(name)
                number = numbers.get(folded, 1)
                while (key_of_candidate := key(candidate)) in taken:
                    number += 1
                    candidate = os.path.join(folder, shortened(stem, f" ({number}){extension}"))
                numbers[folded], folded = number, key_of_candidate
            taken.add(folded)
            distinct.append(candidate)
        yield
    return distinct


def with_parents(path: str) -> list[str]:
    """List a relative path and the folders above it, outermost first; nothing for an empty path."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _folded(path: str) -> str:
    """Fold a path to what it has in common with those that some disks take for the same."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore") if 4 * len(text) > limit else text


def _holds(folder: str, names: Sequence[str]) -> bool:
    """Whether a folder can hold files of all these names; true if that cannot be tried."""
    try:
        trial = tempfile.TemporaryDirectory(prefix=".bitween-", dir=folder)
    except OSError:
        return True
    with trial as path:
        try:
            for name in names:
                os.close(os.open(os.path.join(path, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError:
            return False
        return set(os.listdir(path)) == set(names)

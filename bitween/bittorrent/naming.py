"""Which names the files of a torrent get on the disk, and whether the disk can hold them."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, cast

from bitween.bittorrent._libtorrent import lt
from bitween.model.text import REPLACEMENT, printable

#: Bytes of a name, on every file system in use.
LONGEST_NAME = 255
# The same where a file system keeps names encrypted (eCryptfs).
_LONGEST_PORTABLE_NAME = 140
_LONGEST_EXTENSION = 200

_SUBSTITUTE = "_"
# What FAT, exFAT and NTFS do not take.
_NOT_PORTABLE = str.maketrans(dict.fromkeys('\\:*?"<>|', _SUBSTITUTE))

# Pairs of names that some file systems take for one: they differ in case, and in normalization.
_ALIKE = ("bitween", "BITWEEN", "\u00fc", "u\u0308")
# How many names of a torrent are tried out on a disk.
_MOST_TRIED = 50


class Naming(StrEnum):
    """How the names on the disk follow from the metadata."""

    #: As the metadata has them: it was made here, of files that lie there under these names.
    VERBATIM = "verbatim"
    #: As the metadata has them, except for what could mislead or harm a person.
    EXACT = "exact"
    #: Like exact, for a disk that takes fewer names or tells fewer of them apart.
    PORTABLE = "portable"
    #: As libtorrent would choose them by itself, and bitween 0.1 did.
    LIBTORRENT = "libtorrent"


def given_paths(torrent_file: bytes) -> list[str] | None:
    """
    Read the paths that the metadata gives, in libtorrent's order; nothing in them is safe.

    Slashes separate the components; a slash within one is a NUL here, and bytes that are not UTF-8
    are lone surrogates.

    :returns: ``None`` where only libtorrent knows: version 2 of BitTorrent (BEP 52), and nonsense.
    """
    info = cast(Any, lt.bdecode(torrent_file))[b"info"]
    files = info.get(b"files")
    try:
        if b"file tree" in info or b"meta version" in info:
            return None
        root = _component(_in_utf8(info, b"name", bytes))
        if not isinstance(files, list):
            return [root]
        paths = [_in_utf8(file, b"path", list) for file in files]
        # A file without a path would lie beside the folder that holds the others.
        return [_joined(root, path) for path in paths] if all(paths) else None
    except (KeyError, TypeError, AttributeError):
        return None


def chosen_paths(given: Sequence[str], naming: Naming) -> list[str]:
    """
    Choose the paths of a torrent's files, each different from all others on the disk.

    :param given: see :func:`given_paths`.
    """
    if naming is Naming.VERBATIM:
        return list(given)
    portable = naming is Naming.PORTABLE
    return list(_distinct([_safe(path, portable) for path in given], _folded if portable else str))


def naming_for(folder: str, torrent_file: bytes) -> Naming:
    """Choose how the files of a torrent are named in a folder: exactly, if its disk takes that."""
    given = given_paths(torrent_file)
    if given is None:
        return Naming.LIBTORRENT
    exact, portable = (chosen_paths(given, naming) for naming in (Naming.EXACT, Naming.PORTABLE))
    if exact == portable:
        return Naming.EXACT
    tried: dict[str, None] = {}
    if list(_distinct(exact, _folded)) != exact:
        tried.update(dict.fromkeys(_ALIKE))
    for path, other in zip(exact, portable, strict=True):
        if path != other and len(tried) < _MOST_TRIED:
            tried.update(dict.fromkeys(path.split("/")))
    return Naming.EXACT if _holds(folder, list(tried)) else Naming.PORTABLE


def mended_paths(paths: Sequence[str]) -> list[str]:
    """Make the paths that libtorrent chooses fit to be shown, as bitween 0.1 did."""
    return list(_distinct([_plain(path) for path in paths], _folded))


def shortened(stem: str, end: str) -> str:
    """Append an ending to a name, whose beginning is cut where a disk would not take it all."""
    return _cut(stem, LONGEST_NAME - len(end.encode())) + end


def split_extension(name: str) -> tuple[str, str]:
    """Split a name before its extension; what leaves no room for a number is part of the name."""
    stem, extension = os.path.splitext(name)
    return (stem, extension) if len(extension.encode()) <= _LONGEST_EXTENSION else (name, "")


def _in_utf8(entry: Mapping[bytes, Any], key: bytes, kind: type) -> Any:
    """What an entry holds; other programs give it in their own encoding, and in UTF-8 besides."""
    value = entry.get(key + b".utf-8")
    return value if isinstance(value, kind) else entry[key]


def _joined(root: str, path: Sequence[bytes]) -> str:
    return "/".join([root, *map(_component, path)])


def _component(name: bytes) -> str:
    return name.decode(errors="surrogateescape").replace("/", "\0")


def _safe(path: str, portable: bool) -> str:
    parts = [_safe_name(part, portable) for part in path.split("/")]
    # A hidden file in a person's home could be one that a shell runs.
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


def _distinct(paths: Sequence[str], key: Callable[[str], str]) -> Iterator[str]:
    """
    Number the paths that a disk would take for one.

    :param key: tells what such paths have in common.
    """
    # Folders count, too: no file can lie where a folder has to be.
    taken = {
        key(above) for folder in set(map(os.path.dirname, paths)) for above in with_parents(folder)
    }
    numbers: dict[str, int] = {}
    for path in paths:
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
        yield candidate


def with_parents(path: str) -> list[str]:
    """A relative path, and the folders above it, outermost first; nothing of an empty one."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _folded(path: str) -> str:
    """What two paths have in common that some disks take for one."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore") if 4 * len(text) > limit else text


def _holds(folder: str, names: Sequence[str]) -> bool:
    """Whether a folder can hold files of all these names; also if that cannot be tried."""
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

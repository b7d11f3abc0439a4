"""A torrent as the database stores it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bitween.errors import InvalidValue
from bitween.model.naming import Naming
from bitween.model.seal import Seal, unpack
from bitween.model.torrent import FileOrigin, InfoHash, parse_info_hash
from bitween.model.torrent_options import DEFAULT_OPTIONS, TorrentOptions
from bitween.storage.options_json import read_options

_T = TypeVar("_T")

# Once, for a start reads thousands of torrents.
_NAMINGS, _ORIGINS = frozenset(Naming), frozenset(FileOrigin)


@dataclass(frozen=True, slots=True)
class TorrentRecord:
    """
    A torrent as the database stores it.

    :param folder: the folder that holds the torrent's file or folder.
    :param root: the name of the file or folder there; ``None`` until that is decided.
    :param added: seconds since the epoch.
    :param shared: whether it was made here, so that the names on the disk are the metadata's own.
    :param complete: whether every byte was once verified and on the disk.
    :param torrent_file: the bencoded .torrent; ``None`` until the metadata is here.
    :param signature: the stat signature of the files when they were complete, see
        :mod:`bitween.model.stat_signature`; ``None`` if the files are accepted as they are.
    :param completed: when it was first complete; ``None`` if never, or unknown.
    :param naming: how the names on the disk derive from the metadata, if it was not made here.
    :param origin: where its files come from; ``SHARED`` if unknown.
    :param seal: of a sealed torrent; ``None`` for a plain one.
    """

    info_hash: InfoHash
    name: str
    folder: str
    root: str | None
    added: float
    shared: bool
    complete: bool
    torrent_file: bytes | None
    signature: str | None = None
    completed: float | None = None
    options: TorrentOptions = DEFAULT_OPTIONS
    naming: Naming = Naming.EXACT
    origin: FileOrigin = FileOrigin.SHARED
    seal: Seal | None = None

    @property
    def session_hash(self) -> InfoHash:
        """The info-hash that it has in libtorrent's session."""
        return self.seal.sealed_hash if self.seal else self.info_hash


def read_record(row: Sequence[Any]) -> TorrentRecord:
    """
    Read a row; everything is checked, because it decides where files are written and deleted.

    :param row: the values of the columns, in the order of the fields of :class:`TorrentRecord`.
    :raises InvalidValue: if the row is damaged.
    """
    info_hash, name, folder, root, added, shared, complete, metadata, *others = row
    signature, completed, options, naming, origin, seal = others
    return TorrentRecord(
        info_hash=parse_info_hash(info_hash),
        name=_checked(name, str, "name"),
        folder=_path(folder),
        root=None if root is None else _name(root),
        added=_time(added),
        shared=bool(shared),
        complete=bool(complete),
        torrent_file=None if metadata is None else _checked(metadata, bytes, "torrent_file"),
        signature=None if signature is None else _checked(signature, str, "stamp"),
        completed=None if completed is None else _time(completed),
        options=read_options(options),
        naming=Naming(naming) if naming in _NAMINGS else Naming.LIBTORRENT,
        # Files that may be originals are not deleted.
        origin=FileOrigin(origin) if origin in _ORIGINS else FileOrigin.SHARED,
        # Without its seal it would be a plain torrent, which others can read.
        seal=None if seal is None else unpack(_checked(seal, bytes, "seal")),
    )


def _checked(value: object, kind: type[_T], column: str) -> _T:
    if not isinstance(value, kind):
        raise InvalidValue(f"its {column} is no {kind.__name__}")
    return value


def _path(value: object) -> str:
    path = os.fsdecode(_checked(value, bytes, "folder"))
    if not os.path.isabs(path) or "\0" in path:
        raise InvalidValue("its folder is no absolute path")
    return path


def _name(value: object) -> str:
    name = os.fsdecode(_checked(value, bytes, "root"))
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidValue("its root is no name")
    return name


def _time(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidValue("a time of it is no number")
    return float(value)

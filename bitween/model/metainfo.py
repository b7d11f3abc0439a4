"""Makes .torrent files (BEP 3), without libtorrent or Twisted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitween.errors import BadPath
from bitween.model.text import visible_path

#: The most bytes of metadata that we make, and that we accept from a contact.
MAX_METADATA = 8 * 2**20

#: The most bytes of a path in a torrent.  Linux allows 4,095, and the download folder comes first.
LONGEST_PATH = 3000

#: The most files of a torrent, made here or by a contact.  Each takes about 300 bytes of memory for
#: as long as the torrent is ours, and at least 4 KiB of the disk, whatever its size.
MAX_FILES = 100_000
#: The most folders below the torrent's own.  Each takes as much of the disk as a file.
MAX_FOLDERS = 20_000
#: The most folders one in another.  The deepest trees in use have about 40; the memory for paths
#: grows with depth times folders.
MAX_DEPTH = 64
#: The most files that the metadata marks as executable.  bitween creates each before it is
#: downloaded, so that it is not executable.  bitween itself marks none.
MAX_PROGRAMS = 1_000

#: libtorrent takes files with this in their path for padding, an invention of BitComet: it assumes
#: zeros as their content, and never downloads them.
PADDING = "_____padding_file_"

#: What a seal and a salt add to the metadata (:mod:`bitween.model.seal`), and more.
ROOM_FOR_SEAL = 256

_SMALLEST_PIECE = 64 * 2**10
#: Bytes of the hash of a piece (BEP 3).
HASH_SIZE = 20
#: The most bytes of a piece that we make.
LARGEST_PIECE = 16 * 2**20
_PIECES_AIMED_AT = 2048

_Bencodable = int | bytes | str | Sequence["_Bencodable"] | Mapping[str, "_Bencodable"]


@dataclass(frozen=True, slots=True)
class HashedFile:
    """
    One file of a torrent to be made.

    :param parts: its path below the shared folder; empty if the torrent is this one file.
    :param size: bytes.
    """

    parts: tuple[str, ...]
    size: int


def piece_size_for(total: int) -> int:
    """
    Choose a piece size that makes some thousand pieces, each worth a request.

    :param total: bytes of the whole torrent.
    """
    size = _SMALLEST_PIECE
    while size < LARGEST_PIECE and total > size * _PIECES_AIMED_AT:
        size *= 2
    return size


def make_torrent(
    name: str, files: Sequence[HashedFile], piece_size: int, pieces: bytes
) -> tuple[str, bytes]:
    """
    Make a v1 torrent; the same content always makes the same torrent.

    :param name: of the shared file or folder.
    :param files: in the order in which their content is hashed; one file without ``parts`` makes a
        torrent of a single file.
    :param piece_size: bytes.
    :param pieces: the SHA-1 of every piece, one after the other.
    :returns: the info-hash in hexadecimal digits, and the .torrent file.
    :raises BadPath: if it is larger than others accept.
    """
    info: dict[str, _Bencodable] = {"name": name, "piece length": piece_size, "pieces": pieces}
    if len(files) == 1 and not files[0].parts:
        info["length"] = files[0].size
    else:
        info["files"] = [{"length": file.size, "path": file.parts} for file in files]
    encoded = bencode(info)
    _check_size(visible_path(name), encoded, files)
    info_hash = hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
    return info_hash, torrent_file(encoded)


def _check_size(name: str, info: bytes, files: Sequence[HashedFile]) -> None:
    """
    :param name: of the share, as it is shown.
    :raises BadPath: if a torrent exceeds a limit, with the first one.
    """
    folders = {file.parts[:depth] for file in files for depth in range(1, len(file.parts))}
    if len(files) > MAX_FILES:
        raise BadPath.of("bad_path.too_many_files", name=name, most=MAX_FILES)
    if len(folders) > MAX_FOLDERS:
        raise BadPath.of("bad_path.too_many_folders", name=name, most=MAX_FOLDERS)
    if max(len(file.parts) for file in files) - 1 > MAX_DEPTH:
        raise BadPath.of("bad_path.too_deep", name=name, most=MAX_DEPTH)
    if len(info) > MAX_METADATA - ROOM_FOR_SEAL:
        raise BadPath.of("bad_path.long_list", name=name, most=MAX_METADATA // 2**20)


def torrent_file(info: bytes) -> bytes:
    """Wrap a bencoded info dictionary as a .torrent file."""
    return b"d4:info%be" % info


def info_section(torrent_file: bytes) -> bytes:
    """The bencoded info dictionary that :func:`torrent_file` wrapped."""
    return torrent_file[len(b"d4:info") : -len(b"e")]


def bencode(value: _Bencodable) -> bytes:
    """
    Encode a value (BEP 3).

    :param value: a text is encoded in UTF-8; a mapping has texts as keys, and is sorted by key.
    """
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        return bencode(value.encode())
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, Mapping):
        pairs = sorted((key.encode(), entry) for key, entry in value.items())
        return b"d%be" % b"".join(bencode(key) + bencode(entry) for key, entry in pairs)
    return b"l%be" % b"".join(bencode(entry) for entry in value)

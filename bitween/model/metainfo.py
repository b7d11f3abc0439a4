"""Makes .torrent files (BEP 3); needs neither libtorrent nor Twisted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitween.errors import BadPath
from bitween.model.text import quoted

#: Bytes of metadata that we make, and that we take from a contact.
MAX_METADATA = 8 * 2**20

#: Bytes of a path in a torrent.  Linux takes 4,095, and the folder of downloads comes before it.
LONGEST_PATH = 3000

#: What a torrent holds at most, made here or by a contact.  Each entry takes memory for as long as
#: the torrent is ours, about 300 bytes, and 4 KiB and more of the disk, whatever its size.
MAX_FILES = 100_000
#: Below the torrent's own folder.  They take as much of the disk, and hold nothing.
MAX_FOLDERS = 20_000
#: Folders one in another.  The deepest trees of programs in use have about 40; the memory for paths
#: grows with depth times folders.
MAX_DEPTH = 64
#: Files that the metadata wants to be executable: each is made before it is fetched, so that it is
#: not.  bitween marks none so.
MAX_PROGRAMS = 1_000

#: Files with this in their path are padding to libtorrent, as they are to BitComet, whose
#: invention this was: their content is taken for zeros and never fetched.
PADDING = "_____padding_file_"

_SMALLEST_PIECE = 64 * 2**10
#: Bytes of the hash of a piece (BEP 3).
HASH_SIZE = 20
#: Bytes of a piece that we make.
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
    Choose a piece size: some thousand pieces, and none too small to be worth a request.

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
    Put a v1 torrent together; the same content always gives the same one.

    :param pieces: the SHA-1 of every piece, one after the other.
    :returns: the info-hash in hexadecimal digits, and the .torrent file.
    :raises BadPath: if it would be too large for others to take.
    """
    info: dict[str, _Bencodable] = {"name": name, "piece length": piece_size, "pieces": pieces}
    if len(files) == 1 and not files[0].parts:
        info["length"] = files[0].size
    else:
        info["files"] = [{"length": file.size, "path": file.parts} for file in files]
    encoded = bencode(info)
    excess = _excess(encoded, files)
    if excess:
        raise BadPath(
            f"{quoted(name)} holds too much to be shared as one: {excess}",
            "share its folders one by one",
        )
    info_hash = hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
    return info_hash, torrent_file(encoded)


def _excess(info: bytes, files: Sequence[HashedFile]) -> str:
    """What of a torrent is more than others take; empty if nothing is."""
    folders = {file.parts[:depth] for file in files for depth in range(1, len(file.parts))}
    if len(files) > MAX_FILES:
        return f"more than {MAX_FILES:,} files"
    if len(folders) > MAX_FOLDERS:
        return f"more than {MAX_FOLDERS:,} folders"
    if max(len(file.parts) for file in files) - 1 > MAX_DEPTH:
        return f"more than {MAX_DEPTH} folders one in another"
    if len(info) > MAX_METADATA:
        return f"a list of files and pieces of more than {MAX_METADATA // 2**20} MiB"
    return ""


def torrent_file(info: bytes) -> bytes:
    """Wrap a bencoded info dictionary as a .torrent file."""
    return b"d4:info%be" % info


def info_section(torrent_file: bytes) -> bytes:
    """What :func:`torrent_file` wrapped."""
    return torrent_file[len(b"d4:info") : -len(b"e")]


def bencode(value: _Bencodable) -> bytes:
    """Encode a value as BEP 3 has it."""
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

"""A torrent of ours, as everybody but libtorrent sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from bitween.errors import InvalidValue
from bitween.model.skipped_files import NOTHING_LEFT_OUT, LeftOut
from bitween.model.text import printable
from bitween.model.torrent_error import TorrentError
from bitween.model.torrent_options import DEFAULT_OPTIONS, TorrentOptions

# A plain string at run time: a catalogue may hold millions of them as keys.
InfoHash = NewType("InfoHash", str)

_V1_HEX = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)

#: Larger than any file system; sizes above are noise or malice.
MAX_SIZE = 2**60


def parse_info_hash(text: object) -> InfoHash:
    """
    Read a BitTorrent v1 info-hash (BEP 3).

    :param text: 40 hexadecimal digits.
    :returns: the same in lower case.
    :raises InvalidValue: for anything else.
    """
    if isinstance(text, str) and _V1_HEX.fullmatch(text):
        return InfoHash(text.lower())
    shown = printable(repr(text), 60)
    raise InvalidValue(f"{shown} is not an info-hash", "an info-hash has 40 hexadecimal digits")


class TorrentState(StrEnum):
    """What a torrent of ours is doing."""

    METADATA = "metadata"  # waiting for the list of files
    CHECKING = "checking"  # comparing what lies on the disk with the piece hashes
    QUEUED = "queued"  # waiting until other downloads are done
    DOWNLOADING = "downloading"
    FINISHED = "finished"  # every file that is wanted is here, but not every one there is
    SEEDING = "seeding"
    PAUSED = "paused"
    ERROR = "error"


class FileOrigin(StrEnum):
    """How the files of a torrent came to lie where they lie."""

    SHARED = "shared"  # they lay there before: shared in place, or found by a download
    UPLOADED = "uploaded"  # a client sent them to the daemon
    FETCHED = "fetched"  # bitween downloaded them


_FETCHING = frozenset((TorrentState.METADATA, TorrentState.DOWNLOADING))
_STANDING = frozenset((TorrentState.PAUSED, TorrentState.QUEUED))


@dataclass(frozen=True, slots=True)
class FileEntry:
    """
    One file of a torrent.

    :param path: relative to the save path.
    :param size: bytes.
    :param original: the path below the torrent's folder that its sender gave it, if it has another
        one here; not fit to be shown as it is.
    """

    path: str
    size: int
    original: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a torrent is, and how fast.

    :param done: verified bytes.
    :param total: bytes of the whole torrent, 0 while that is unknown.
    :param left: bytes that are wanted and still to come.
    :param download_rate: bytes/s.
    :param upload_rate: bytes/s.
    :param peers: connected peers.
    :param uploaded: bytes of content given to others, over all runs as far as they are known.
    """

    done: int = 0
    total: int = 0
    download_rate: int = 0
    upload_rate: int = 0
    peers: int = 0
    uploaded: int = 0
    left: int = 0

    @property
    def wanted(self) -> int:
        """Bytes that are here, or are wanted and still to come."""
        return self.done + self.left

    @property
    def fraction(self) -> float:
        """0..1, of what is here or wanted; 0 while nothing is known of that."""
        return self.done / self.wanted if self.wanted else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until it is complete, ``None`` where that cannot be told."""
        # The rate is an average, which goes on for a while when the last peer has gone.
        if self.left <= 0 or self.download_rate <= 0 or not self.peers:
            return None
        return self.left / self.download_rate


@dataclass(frozen=True, slots=True)
class Torrent:
    """
    A torrent of ours at one moment.

    :param name: from the metadata; until that is here, from the share list, or empty.
    :param save_path: the folder that holds the torrent's file or folder.
    :param complete: whether every byte is verified *and on the disk*.
    :param files: ``None`` until the metadata is known.
    :param error: why it stands still, in words; empty if nothing is wrong.
    :param trouble: the same for programs, and what would help; ``None`` if nothing is wrong.
    :param added: seconds since the epoch.
    :param completed: when it was complete for the first time, in the same; ``None`` if it never
        was, or that is not known.
    :param shared: whether it was made here, of files of ours.
    :param origin: where its files come from; those that lay there before are never deleted lightly.
    """

    info_hash: InfoHash
    name: str
    save_path: str
    state: TorrentState
    progress: Progress = Progress()
    complete: bool = False
    files: tuple[FileEntry, ...] | None = None
    error: str = ""
    trouble: TorrentError | None = None
    added: float = 0.0
    completed: float | None = None
    shared: bool = False
    origin: FileOrigin = FileOrigin.FETCHED
    options: TorrentOptions = DEFAULT_OPTIONS

    @property
    def waits(self) -> bool:
        """Whether it wants something, and nobody is connected who could give it."""
        return self.fetches and not self.progress.peers

    @property
    def fetches(self) -> bool:
        """Whether it wants something, and may have it."""
        return self.state in _FETCHING and not self.error

    @property
    def announceable(self) -> bool:
        """Whether somebody else could get a byte of it from us."""
        if self.files is None or self.error or self.state in _STANDING:
            return False
        return self.complete or self.progress.done > 0


@dataclass(frozen=True, slots=True)
class Metainfo:
    """
    What hashing a path gives (BEP 3).

    :param name: the last part of the path.
    :param total_size: bytes.
    :param torrent_file: the bencoded .torrent.
    :param left_out: what of the path is not in it.
    """

    info_hash: InfoHash
    name: str
    total_size: int
    torrent_file: bytes
    left_out: LeftOut = NOTHING_LEFT_OUT

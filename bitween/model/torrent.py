"""One of our torrents, without libtorrent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from bitween.errors import InvalidValue
from bitween.model.skipped_files import NOTHING_LEFT_OUT, LeftOut
from bitween.model.text import printable
from bitween.model.torrent_error import TorrentError
from bitween.model.torrent_options import DEFAULT_OPTIONS, TorrentOptions

if TYPE_CHECKING:
    from bitween.model.seal import Seal  # which imports InfoHash

# A plain string at run time: a catalogue may hold millions of them as keys.
InfoHash = NewType("InfoHash", str)

_V1_HEX = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)

#: Larger than any file system; sizes above are noise or malice.
MAX_SIZE = 2**60


def parse_info_hash(text: object) -> InfoHash:
    """
    Parse a BitTorrent v1 info-hash (BEP 3).

    :param text: 40 hexadecimal digits.
    :returns: the same in lower case.
    :raises InvalidValue: for anything else.
    """
    if isinstance(text, str) and _V1_HEX.fullmatch(text):
        return InfoHash(text.lower())
    shown = printable(repr(text), 60)
    raise InvalidValue.of("invalid_value.info_hash", value=shown)


class TorrentState(StrEnum):
    """The states of a torrent."""

    METADATA = "metadata"  # waiting for the list of files
    CHECKING = "checking"  # comparing the files on the disk with the piece hashes
    QUEUED = "queued"  # waiting for other downloads to finish
    DOWNLOADING = "downloading"
    FINISHED = "finished"  # every wanted file is here, but not every file
    SEEDING = "seeding"
    PAUSED = "paused"
    ERROR = "error"


class FileOrigin(StrEnum):
    """How the files of a torrent got to their place."""

    SHARED = "shared"  # they were there before: shared in place, or found by a download
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
    :param original: the path below the torrent's folder in the metadata, if it differs from
        ``path``; not safe to show.
    """

    path: str
    size: int
    original: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    The progress of a torrent.

    :param done: verified bytes.
    :param total: bytes of the whole torrent, 0 while that is unknown.
    :param left: wanted bytes that are missing.
    :param download_rate: bytes/s.
    :param upload_rate: bytes/s.
    :param peers: connected peers.
    :param uploaded: bytes of content uploaded in all runs, as far as known.
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
        """Bytes that are here, or wanted and missing."""
        return self.done + self.left

    @property
    def fraction(self) -> float:
        """The part of :attr:`wanted` that is here, 0..1; 0 while that is unknown."""
        return self.done / self.wanted if self.wanted else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until it is complete; ``None`` if unknown."""
        # The rate is an average, which continues for a while after the last peer has gone.
        if self.left <= 0 or self.download_rate <= 0 or not self.peers:
            return None
        return self.left / self.download_rate


@dataclass(frozen=True, slots=True)
class Torrent:
    """
    One of our torrents at one moment.

    :param name: from the metadata; without metadata, from a contact's share list, or empty.
    :param save_path: the folder that holds the torrent's file or folder.
    :param complete: whether every byte is verified *and on the disk*.
    :param files: ``None`` until the metadata is known.
    :param error: why it has stopped, as text; empty if nothing is wrong.
    :param trouble: the same for programs, with a remedy; ``None`` if nothing is wrong.
    :param added: seconds since the epoch.
    :param completed: when it was first complete, in seconds since the epoch; ``None`` if it never
        was, or that is unknown.
    :param shared: whether it was made here, of our own files.
    :param origin: where its files come from; originals are not deleted unless the user insists.
    :param seal: of a sealed torrent; ``None`` for a plain one.
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
    seal: Seal | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it needs content, and no peer is connected."""
        return self.is_fetching and not self.progress.peers

    @property
    def is_fetching(self) -> bool:
        """Whether it needs content, and may download it."""
        return self.state in _FETCHING and not self.error

    @property
    def is_standing(self) -> bool:
        """Whether it waits for the user, or for other downloads."""
        return self.state in _STANDING

    @property
    def announceable(self) -> bool:
        """Whether others can download some of it from us."""
        if self.files is None or self.error or self.is_standing:
            return False
        return self.complete or self.progress.done > 0


@dataclass(frozen=True, slots=True)
class Metainfo:
    """
    The result of hashing a path (BEP 3).

    :param name: the last part of the path.
    :param total_size: bytes.
    :param torrent_file: the bencoded .torrent.
    :param left_out: the files of the path that are not in it.
    """

    info_hash: InfoHash
    name: str
    total_size: int
    torrent_file: bytes
    left_out: LeftOut = NOTHING_LEFT_OUT

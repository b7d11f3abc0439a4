"""
What libtorrent's alerts tell, as values.

:mod:`bitween.bittorrent.engine.alert_conversion` makes them; ``AlertRouter`` hands them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bitween.model.torrent import InfoHash


class Phase(Enum):
    """What libtorrent is doing with a torrent."""

    METADATA = auto()
    CHECKING = auto()
    DOWNLOADING = auto()
    FINISHED = auto()  # every wanted piece is verified; there may be none
    SEEDING = auto()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A torrent is in the session, or ``error`` says why it is not."""

    info_hash: InfoHash
    error: str


@dataclass(frozen=True, slots=True)
class Stirred:
    """Some torrent has changed its state: its status is worth asking for."""


@dataclass(frozen=True, slots=True)
class TorrentStatus:
    """
    The status of a torrent.

    :param done: verified bytes.
    :param wanted: bytes of the wanted pieces, verified or not.
    :param wanted_done: bytes of those that are verified.
    :param download_rate: bytes/s of content.
    :param upload_rate: bytes/s of content.
    :param downloaded: bytes of content, over all runs that the resume data knows of.
    :param uploaded: bytes of content that were sent, over the same runs.
    :param error: a message; empty if there is no error.
    """

    info_hash: InfoHash
    phase: Phase
    has_metadata: bool
    done: int
    wanted: int
    wanted_done: int
    download_rate: int
    upload_rate: int
    downloaded: int
    uploaded: int
    peers: int
    error: str


@dataclass(frozen=True, slots=True)
class TorrentStatuses:
    """The status of some of the torrents that changed since the last time."""

    statuses: tuple[TorrentStatus, ...]


@dataclass(frozen=True, slots=True)
class Flushed:
    """libtorrent has flushed a torrent: what it held at the request is on the disk."""

    info_hash: InfoHash


@dataclass(frozen=True, slots=True)
class Finished:
    """Every wanted piece of a torrent is verified; a ``Flushed`` follows that nobody asked for."""

    info_hash: InfoHash


@dataclass(frozen=True, slots=True)
class ResumeData:
    """What libtorrent needs to go on later; ``None`` if nothing has changed."""

    info_hash: InfoHash
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Removed:
    """A torrent has left the session; it may still be writing to its files."""

    info_hash: InfoHash


@dataclass(frozen=True, slots=True)
class Deleted:
    """A torrent's part file is deleted, if it had one, and nothing more is written."""

    info_hash: InfoHash


@dataclass(frozen=True, slots=True)
class FileFailed:
    """
    A file could not be read or written.

    :param code: the system's error number; ``None`` if it is libtorrent's own error.
    """

    info_hash: InfoHash
    path: str
    error: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """
    Peers can connect to this socket now.

    :param sealed: whether peers of sealed torrents can; otherwise those of plain ones.
    """

    address: str
    port: int
    sealed: bool


@dataclass(frozen=True, slots=True)
class ListenFailed:
    """A socket could not be opened."""

    address: str
    port: int
    error: str
    in_use: bool


@dataclass(frozen=True, slots=True)
class PortMapped:
    """A router forwards this port to us."""

    mapping: int
    port: int
    tcp: bool


@dataclass(frozen=True, slots=True)
class PortNotMapped:
    """A router refused to forward a port."""

    mapping: int
    error: str


@dataclass(frozen=True, slots=True)
class ExternalAddress:
    """A peer or our router sees us at this address."""

    address: str


@dataclass(frozen=True, slots=True)
class CertificateFailed:
    """
    libtorrent cannot use the certificate that a sealed torrent was given: nobody can be connected.

    :param name: of the torrent, as its metadata says.
    """

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to a peer is open, by either side; no byte was exchanged yet."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class PeerBanned:
    """A peer sent bytes that do not match the hashes; libtorrent refuses it from now on."""

    info_hash: InfoHash
    peer: str


@dataclass(frozen=True, slots=True)
class MetadataFailed:
    """Peers sent metadata of another hash; libtorrent asks for it again."""

    info_hash: InfoHash


@dataclass(frozen=True, slots=True)
class PieceRead:
    """A requested piece, or ``error`` says why it cannot be read."""

    info_hash: InfoHash
    piece: int
    data: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Alerts were lost: what we know of the torrents may be wrong."""


Alert = (
    Loaded
    | Stirred
    | TorrentStatuses
    | Flushed
    | Finished
    | ResumeData
    | Removed
    | Deleted
    | FileFailed
    | Listening
    | ListenFailed
    | PortMapped
    | PortNotMapped
    | ExternalAddress
    | CertificateFailed
    | Connected
    | PeerBanned
    | MetadataFailed
    | PieceRead
    | Dropped
)

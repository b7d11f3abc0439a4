"""Reading the files of our torrents, also while they are still being fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from bitween.errors import InvalidValue, NoMetadata, NotFetched
from bitween.model.file_span import Span
from bitween.model.library import Library
from bitween.model.torrent import InfoHash, Torrent, TorrentState

_WAYS_OUT = {
    TorrentState.PAUSED: "resume it",
    TorrentState.QUEUED: "wait for the downloads before it, or put it first",
    TorrentState.CHECKING: "wait until its files are checked",
    TorrentState.ERROR: "see what is wrong with it",
}


class OpenFilePort(Protocol):
    """A file that is read; what is asked for is fetched before the rest until it is closed."""

    @property
    def span(self) -> Span:
        """Where it lies in the pieces."""

    def piece(self, number: int, last: int) -> Deferred[bytes]:
        """
        Give a whole piece once it is here and verified; cancelling that is fine.

        :param last: the last piece that is going to be asked for, one after the other.
        :raises SwarmError: if it cannot be read, is another than it was, or is removed meanwhile.
        """

    def close(self) -> None:
        """Ask for nothing more."""


class ReadablePort(Protocol):
    """What of the swarm can be read."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """The verified bytes of each file of a torrent; empty without metadata."""

    def open_file(self, info_hash: InfoHash, number: int) -> OpenFilePort:
        """
        Open a file that is here, or is being fetched.

        :param number: counted from 0.
        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if it cannot be read at the moment.
        """


@dataclass(frozen=True, slots=True)
class Content:
    """
    A file to be read.

    :param path: relative to the torrent's save path; a name, from somebody else perhaps.
    :param size: bytes.
    """

    path: str
    size: int
    file: OpenFilePort


def open_content(swarm: ReadablePort, info_hash: InfoHash, number: int) -> Content:
    """
    Open a file of a torrent, if each of its bytes is here or can be expected.

    :param number: counted from 0.
    :raises UnknownTorrent: if there is no torrent with this hash.
    :raises NoMetadata: if its files are not known yet.
    :raises InvalidValue: if it has no such file.
    :raises NotFetched: if bytes are missing, and nobody fetches them.
    :raises SwarmError: if it cannot be read at the moment.
    """
    torrent = swarm.library.get(info_hash)
    if torrent.files is None:
        raise NoMetadata(
            "its files are not known yet", "they are as soon as a contact who has it is online"
        )
    if not 0 <= number < len(torrent.files):
        raise InvalidValue(f"there is no file {number}")
    entry = torrent.files[number]
    if swarm.file_progress(info_hash)[number] < entry.size:
        _check_is_coming(torrent, number)
    return Content(entry.path, entry.size, swarm.open_file(info_hash, number))


def _check_is_coming(torrent: Torrent, number: int) -> None:
    """
    :raises NotFetched: if a file that is not here is not being fetched, either.
    """
    if number in torrent.wishes.selection.skipped:
        raise NotFetched("the file is left out of the download", "choose it to be fetched")
    if torrent.state is not TorrentState.DOWNLOADING:
        way_out = _WAYS_OUT.get(torrent.state, "")
        raise NotFetched("not all of the file is here, and it is not being fetched", way_out)

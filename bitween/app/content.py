"""Reads the files of our torrents, even while they are being downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.app.ports import OpenFilePort, ReadablePort
from bitween.errors import InvalidValue, NoMetadata, NotFetched
from bitween.model.torrent import InfoHash, Torrent, TorrentState

# Why a file is not being downloaded, in these states.
_MESSAGES = {
    TorrentState.PAUSED: "not_fetched.paused",
    TorrentState.QUEUED: "not_fetched.queued",
    TorrentState.CHECKING: "not_fetched.checking",
    TorrentState.ERROR: "not_fetched.error",
}


@dataclass(frozen=True, slots=True)
class FileContent:
    """
    An open file of a torrent.

    :param path: relative to the torrent's save path; contacts may have chosen it.
    :param size: bytes.
    """

    path: str
    size: int
    file: OpenFilePort


class FileReader:
    """Opens files of our torrents."""

    def __init__(self, swarm: ReadablePort) -> None:
        self._swarm = swarm

    def open(self, info_hash: InfoHash, number: int) -> FileContent:
        """
        Open a file, unless bytes are missing that are not being downloaded.

        Missing bytes are downloaded before all others while the file is open.

        :param number: counted from 0.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises NoMetadata: if its files are not known yet.
        :raises InvalidValue: if it has no such file.
        :raises NotFetched: if bytes are missing, and are not being downloaded.
        :raises SwarmError: if the file cannot be read at the moment.
        """
        torrent = self._swarm.library.get(info_hash)
        if torrent.files is None:
            raise NoMetadata.of("no_metadata.no_files")
        if not 0 <= number < len(torrent.files):
            raise InvalidValue.of("invalid_value.file", number=number, last=len(torrent.files) - 1)
        entry = torrent.files[number]
        if self._swarm.file_progress(info_hash)[number] < entry.size:
            _check_is_coming(torrent, number)
        return FileContent(entry.path, entry.size, self._swarm.open_file(info_hash, number))


def _check_is_coming(torrent: Torrent, number: int) -> None:
    """
    :raises NotFetched: if a file that is incomplete is not being downloaded.
    """
    if number in torrent.options.selection.skipped:
        raise NotFetched.of("not_fetched.not_selected")
    if torrent.state is not TorrentState.DOWNLOADING:
        raise NotFetched.of(_MESSAGES.get(torrent.state, "not_fetched.stopped"))

"""How many bytes of each file are verified, and how many of them are on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twisted.internet import defer

from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import on_disk, whole_files

# How long an answer waits for the disk at most.
_FLUSH_SECONDS = 5.0


class FileProgress:
    """Tells the progress of single files."""

    def __init__(self, context: Context, flusher: Flusher) -> None:
        self._reactor = context.reactor
        self._session = context.session
        self._flusher = flusher

    def verified(self, torrent: ManagedTorrent) -> Sequence[int]:
        """
        The verified bytes of each file, in whole pieces; empty without metadata.

        :raises SwarmError: if there is no session to ask.
        """
        if torrent.layout is None:
            return ()
        files = torrent.layout.files
        if torrent.complete:
            return [file.size for file in files]
        done = self._session().file_progress(torrent.record.info_hash) if torrent.placed else []
        return [done[index] for index in torrent.layout.indexes] if done else [0] * len(files)

    async def written(self, torrent: ManagedTorrent) -> Sequence[int]:
        """
        The bytes of each file that can be read from the disk; empty without metadata.

        :raises SwarmError: if there is no session to ask.
        """
        done = self.verified(torrent)
        whole = whole_files(torrent, done) - torrent.written
        if whole and not torrent.complete:
            flushed = self._flusher.flush(torrent.record.info_hash)
            with suppress(defer.TimeoutError):
                if await flushed.addTimeout(_FLUSH_SECONDS, self._reactor):
                    torrent.written |= on_disk(torrent, whole)
        return [torrent.readable(number, count) for number, count in enumerate(done)]

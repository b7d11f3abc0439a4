"""Repairs torrents that an error has stopped."""

from __future__ import annotations

from dataclasses import replace

from bitween.app.ports import SwarmPort
from bitween.app.sharing import Sharing
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import Remedy


class TorrentRepair:
    """Applies the remedy of a torrent's error; see :class:`Remedy`."""

    def __init__(self, swarm: SwarmPort, sharing: Sharing) -> None:
        self._swarm = swarm
        self._sharing = sharing

    async def apply(self, info_hash: InfoHash) -> None:
        """
        Do what helps a torrent; without an error, recheck it.

        Answers at once; the torrent's state tells the progress.  No file is deleted or overwritten.

        :raises UnknownTorrent: if the library has no such torrent.
        :raises BadPath: if it is to be shared again, and nothing lies there that could be shared.
        """
        torrent = self._swarm.library.get(info_hash)
        remedy = torrent.trouble.remedy if torrent.trouble else Remedy.RECHECK
        if remedy is Remedy.FETCH_AGAIN:
            await self._swarm.remove(info_hash, False)
            options = replace(torrent.options, paused=False)
            await self._swarm.download(
                info_hash, torrent.name, torrent.save_path, options, torrent.seal
            )
        elif remedy is Remedy.SHARE_AGAIN:
            self._sharing.share_again(torrent)
        else:
            await self._swarm.recheck(info_hash)

"""Downloads: begins them, and tells for which contacts they wait."""

from __future__ import annotations

from bitween.app.ports import SwarmPort
from bitween.app.restricted_downloads import RestrictedDownloads
from bitween.app.seals import TorrentSeals
from bitween.app.share_guard import ShareGuard
from bitween.connect.routes import RouteTable
from bitween.files.paths import checked_folder
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.torrent import InfoHash, Torrent
from bitween.model.torrent_options import TorrentOptions

#: How many contacts are named for which a torrent waits.
MAX_WAITING_FOR = 10


class Downloads:
    """The use cases of downloading what contacts share."""

    def __init__(
        self,
        swarm: SwarmPort,
        catalogue: Catalogue,
        routes: RouteTable,
        *,
        restricted: RestrictedDownloads,
        seals: TorrentSeals,
        guard: ShareGuard,
        folder: str,
    ) -> None:
        """
        :param restricted: keeps to ourselves what is not for everybody.
        :param seals: chooses under which seal a torrent is fetched.
        :param guard: says in which folders nothing may be stored.
        :param folder: where downloads go by default; absolute.
        """
        self._swarm = swarm
        self._catalogue = catalogue
        self._routes = routes
        self._restricted = restricted
        self._seals = seals
        self._guard = guard
        self._folder = folder

    async def start(
        self, info_hash: InfoHash, folder: str | None = None, paused: bool = False
    ) -> int:
        """
        Download a torrent from every contact that announces it, now or later.

        Does nothing if the torrent is in the library already.

        :param folder: where to store it, absolute; ``None`` for the download directory.
        :param paused: whether to fetch only the metadata until the torrent is resumed.
        :returns: how many sources there are at this moment.
        :raises BadPath: if the folder cannot be written to.
        :raises ForbiddenPath: if the folder belongs to the daemon itself.
        :raises StoreError: if the torrent cannot be stored.
        """
        if info_hash not in self._swarm.library:
            folder = folder if folder is not None else self._folder
            # A contact chooses the name, which could be that of one of our own files.
            self._guard.check_allowed(folder)
            folder = checked_folder(folder)
            share = self._catalogue.torrents.share(info_hash)
            access = self._restricted.access_for(info_hash)
            name = share.name if share else ""
            options = TorrentOptions(paused=paused, access=access)
            seal = self._seals.seal_for(info_hash)
            await self._swarm.download(info_hash, name, folder, options, seal)
        return self._routes.count_reachable(info_hash)

    def waiting_for(self, torrent: Torrent) -> list[str]:
        """
        List the contacts that have what a torrent waits for.

        :returns: bare JIDs, the first :data:`MAX_WAITING_FOR`; empty if the torrent does not wait.
        """
        # A machine that hangs still accepts connections, which count as peers.
        silent = torrent.is_fetching and self._routes.any_source_answers(torrent.info_hash) is False
        if not (torrent.is_waiting or silent):
            return []
        return self._catalogue.torrents.contacts(torrent.info_hash)[:MAX_WAITING_FOR]

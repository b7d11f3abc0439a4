"""Removes torrents, with their files if that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import ordering_deletion
from bitween.errors import DeletionFailed, StoreError
from bitween.files.deletion.process import check_code, delete_files
from bitween.model.deletion import Deletion
from bitween.model.torrent import InfoHash


class Removal:
    """Removes torrents from the registry, the database, the session and the disk, in this order."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        loader: Loader,
        queue: DownloadQueue,
        progress: Callable[[ManagedTorrent], Sequence[int]],
    ) -> None:
        """
        :param progress: returns the verified bytes of each file of a torrent, as far as they are
            known; may be empty.
        """
        self._context = context
        self._registry = context.registry
        self._loader = loader
        self._queue = queue
        self._progress = progress
        # Torrents that are removed, but still stand in the database.
        self._stored: set[InfoHash] = set()

    def remove(self, torrent: ManagedTorrent, *, delete_data: bool) -> Deferred[Deletion | None]:
        """
        Remove a torrent; answers when libtorrent has let go of its files.

        :param delete_data: whether to delete its own files.
        :returns: fires with what was deleted; ``None`` if nothing was to be deleted.
        :raises DeletionFailed: if its data could not be deleted.
        """
        if delete_data:
            # What cannot be deleted afterwards is not to be forgotten.
            try:
                check_code()
            except DeletionFailed:
                return fail()
        erase = partial(self._erase, torrent, self._progress(torrent)) if delete_data else None
        info_hash = torrent.record.info_hash
        self._forget(info_hash)
        self._registry.remove(torrent)
        self._queue.reschedule()
        unloaded = self._loader.unload(info_hash, erase, deletes=delete_data)
        self._registry.notify_removed(torrent)
        self._registry.notify_shares()
        return unloaded

    def preview(self, torrent: ManagedTorrent) -> Deferred[Deletion]:
        """
        Find out what :meth:`remove` would delete.

        :returns: fires with the files and bytes that would be deleted.
        :raises DeletionFailed: if that cannot be found out.
        """
        counting = self._delete(torrent, self._progress(torrent), erase=False)
        return Deferred.fromCoroutine(counting)

    def forget_stored(self) -> None:
        """Try again to remove from the database what could not be removed before."""
        for info_hash in list(self._stored):
            if info_hash in self._registry:
                # It was added again meanwhile.
                self._stored.discard(info_hash)
            else:
                self._forget(info_hash)

    def _forget(self, info_hash: InfoHash) -> None:
        """Remove a torrent from the database, later if the disk is full now."""
        self._stored.discard(info_hash)
        try:
            self._context.database.remove(info_hash)
        except StoreError as error:
            self._stored.add(info_hash)
            self._log.warn(
                "{info_hash} is removed, but comes back if the daemon ends before the database can"
                " be written again: {error}",
                info_hash=info_hash,
                error=error,
            )

    def _erase(self, torrent: ManagedTorrent, progress: Sequence[int]) -> Deferred[Deletion | None]:
        return Deferred.fromCoroutine(self._delete(torrent, progress, erase=True))

    async def _delete(
        self, torrent: ManagedTorrent, progress: Sequence[int], *, erase: bool
    ) -> Deletion:
        ordering = ordering_deletion(torrent, self._registry, progress, erase=erase)
        reactor: Any = self._context.reactor
        return await delete_files(reactor, await self._context.run_in_slices(ordering))

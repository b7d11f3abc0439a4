"""Puts changed options of a torrent into force."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail, succeed

from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import unknown
from bitween.bittorrent.torrents.torrent_files import finding_foreign_file
from bitween.errors import BadPath
from bitween.model.text import visible_path
from bitween.model.torrent import Torrent
from bitween.model.torrent_options import TorrentOptions


class OptionChanges:
    """Stores what a user sets on a torrent, and has libtorrent go by it."""

    def __init__(
        self, context: Context, controller: TorrentController, queue: DownloadQueue
    ) -> None:
        self._context = context
        self._database = context.database
        self._registry = context.registry
        self._session = context.session
        self._controller = controller
        self._queue = queue

    def set(self, torrent: ManagedTorrent, options: TorrentOptions) -> Deferred[Torrent]:
        """
        Put options into force; answers when they are stored.

        :raises UnknownTorrent: if the torrent is removed meanwhile.
        :raises BadPath: if a file is chosen whose name another file on the disk has.
        """
        chosen = torrent.record.options.selection.skipped - options.selection.skipped
        if not chosen or torrent.record.complete or not torrent.placed:
            return self._apply(torrent, options)
        finding = finding_foreign_file(torrent, sorted(chosen))
        return Deferred.fromCoroutine(self._set_after(finding, torrent, options))

    async def _set_after(
        self, finding: Steps[str], torrent: ManagedTorrent, options: TorrentOptions
    ) -> Torrent:
        before = torrent.record.options
        path = await self._context.run_in_slices(finding)
        if path:
            raise BadPath.of("bad_path.occupied", path=visible_path(path))
        # Options that were changed meanwhile stay changed.
        return await self._apply(torrent, torrent.record.options.changed(before, options))

    def _apply(self, torrent: ManagedTorrent, options: TorrentOptions) -> Deferred[Torrent]:
        info_hash, before = torrent.record.info_hash, torrent.record.options
        if not self._registry.holds(torrent):
            return fail(unknown(info_hash))
        if options == before:
            return succeed(torrent.snapshot)
        record = replace(torrent.record, options=options)
        if options.selection != before.selection and not record.complete and record.completed:
            # With other files it has to be finished again.
            record = replace(record, completed=None)
            self._database.put(record)
        else:
            self._database.set_options(info_hash, options)
        torrent.record = record
        if options.limits != before.limits:
            self._session().limit(info_hash, options.limits)
        if options.selection != before.selection:
            self._controller.select(torrent)
        self._controller.apply(torrent)
        self._queue.reschedule()
        self._registry.put(torrent)
        self._registry.notify_shares()
        return succeed(torrent.snapshot)

"""
Finds out when a download has what is wanted, on the disk.

libtorrent counts a piece as soon as its hash fits, which may be before the disk has it.  When all
wanted pieces are verified, the download is therefore flushed, and its files are looked at.  Then it
is either *complete* (every byte of every file) or *finished* (every wanted file).
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine.alerts import Phase
from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.files.disk import FilesCheck, checking_files, remove_part_file
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.stage import DiskJob, Input
from bitween.bittorrent.torrents.torrent_files import checking_wanted_files
from bitween.errors import StoreError
from bitween.model.torrent_error import Reason, TorrentError


class Completion:
    """Flushes downloads that have all wanted pieces, and notes what the disk has then."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        flusher: Flusher,
        controller: TorrentController,
        queue: DownloadQueue,
    ) -> None:
        self._context = context
        self._database = context.database
        self._registry = context.registry
        self._session = context.session
        self._flusher = flusher
        self._controller = controller
        self._queue = queue

    def flush(self, torrent: ManagedTorrent) -> None:
        """Have libtorrent write what it holds to the disk, and go on when that is done."""
        # Twice, so that by the end of the second flush the status is not from before the first one.
        info_hash = torrent.record.info_hash
        torrent.jobs.add(DiskJob.FLUSHING)
        self._flusher.flush(info_hash)
        self._session().post_updates()
        self._flusher.flush(info_hash).addCallback(
            lambda written: Deferred.fromCoroutine(self._flushed(torrent, written=written))
        ).addErrback(self._log_store_error)

    def take_verified(self, torrent: ManagedTorrent, *, same: bool) -> None:
        """
        Take note that libtorrent has verified the files of a complete torrent.

        :param same: whether every byte is as it should be.
        :raises StoreError: if that cannot be stored.
        """
        info_hash = torrent.record.info_hash
        torrent.intact = same
        if not same:
            torrent.rejected_signature = torrent.last_signature
            error = TorrentError("a file is another than it was", Reason.CHANGED)
            self._controller.fail(info_hash, error)
        elif torrent.record.signature != torrent.last_signature:
            self._database.set_complete(info_hash, torrent.last_signature, self._context.now())
            torrent.record = replace(torrent.record, signature=torrent.last_signature)

    async def _flushed(self, torrent: ManagedTorrent, *, written: bool) -> None:
        try:
            if written:
                await self._check_files(torrent)
        finally:
            torrent.jobs.discard(DiskJob.FLUSHING)

    async def _check_files(self, torrent: ManagedTorrent) -> None:
        """Note what is on the disk, after a look at the torrent's files."""
        if not self._may_finish(torrent) or torrent.layout is None:
            return
        seeding = torrent.status is not None and torrent.status.phase is Phase.SEEDING
        look = None
        if seeding:
            files = checking_files(torrent.record.folder, torrent.layout.files)
            look = await self._context.run_in_slices(files)
        if look is not None and not look.fault and self._may_finish(torrent):
            self._complete(torrent, look.signature)
        else:
            # Every byte of a skipped file may be here, with the pieces that it shares with others,
            # and yet no file that holds them.
            wanted = await self._context.run_in_slices(checking_wanted_files(torrent))
            if self._may_finish(torrent):
                self._take_wanted(torrent, wanted)
        self._registry.notify_shares()
        self._queue.reschedule()

    def _may_finish(self, torrent: ManagedTorrent) -> bool:
        sound = torrent.loaded and torrent.wanted_verified and not torrent.error
        return sound and self._registry.holds(torrent)

    def _take_wanted(self, torrent: ManagedTorrent, look: FilesCheck) -> None:
        if look.fault:
            torrent.faulty = look.faulty
            self._controller.fail(torrent.record.info_hash, look.fault)
        else:
            self._finish(torrent)

    def _complete(self, torrent: ManagedTorrent, signature: str) -> None:
        """Note that every byte is on the disk."""
        record, now = torrent.record, self._context.now()
        self._database.set_complete(record.info_hash, signature, now)
        torrent.step(Input.COMPLETE)
        torrent.unwritten, torrent.last_signature = False, signature
        completed = record.completed or now
        torrent.record = replace(record, complete=True, signature=signature, completed=completed)
        remove_part_file(record.folder, record.session_hash)
        self._registry.notify_finished(torrent)

    def _finish(self, torrent: ManagedTorrent) -> None:
        """Note that every wanted file is on the disk."""
        first_time = torrent.record.completed is None
        if first_time:
            record = replace(torrent.record, completed=self._context.now())
            self._database.put(record)
            torrent.record = record
        # The resume data stored last may be from before the last piece.
        torrent.step(Input.FINISH)
        torrent.unwritten, torrent.unsaved = False, True
        if first_time:
            self._registry.notify_finished(torrent)
        else:
            self._registry.put(torrent)

    def _log_store_error(self, failure: Failure) -> None:
        failure.trap(StoreError)
        self._log.error("{error}", error=failure.value)

"""
Decides from the status of a torrent how it goes on.

A download passes these steps.  Each begins when libtorrent's status allows it, so that it does not
matter which alert made us ask for the status: a lost alert only delays a step.

1. *metadata*: a contact sends the list of files; we measure and read it (``Placement``).
2. *check*: libtorrent compares what lies under the torrent's name with the piece hashes.
3. *place*: we decide which name it gets on the disk (``Placement``).
4. *fetch*: files are prepared, and libtorrent is told what to fetch (``TorrentController``).
5. *flush*: every wanted piece is verified and written (``Completion``): the torrent is finished, or
   complete and seeds.

A shared torrent begins with step 2, which is skipped if its files have not changed.
:mod:`bitween.bittorrent.torrents.stage` has the states of a torrent in the session.
``AlertRouter`` calls :meth:`TorrentLifecycle.take_status`; a timer calls the others.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.engine.transfer_counters import TransferCounters
from bitween.bittorrent.torrents.completion import Completion
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.placement import Placement
from bitween.bittorrent.torrents.preparation import DiskStep
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.bittorrent.torrents.stage import DiskJob, Input
from bitween.errors import StoreError
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import TorrentError


class TorrentLifecycle:
    """Takes each torrent from one step to the next."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        controller: TorrentController,
        *,
        placement: Placement,
        completion: Completion,
        counters: TransferCounters,
        saver: ResumeDataSaver,
        dialler: Dialler,
    ) -> None:
        self._reactor = context.reactor
        self._registry = context.registry
        self._session = context.session
        self._controller = controller
        self._placement = placement
        self._completion = completion
        self._counters = counters
        self._saver = saver
        self._dialler = dialler
        # Downloads that wait for their first content: until then no names are kept for them.
        self._awaiting_content: set[InfoHash] = set()

    def take_status(self, status: TorrentStatus) -> None:
        """
        Go on with a torrent as far as its status allows.

        :raises StoreError: if something new cannot be stored.
        """
        torrent = self._registry.get(status.info_hash)
        # A status that comes before the torrent is loaded belongs to an earlier load.
        if torrent is None or not torrent.loaded:
            return
        before = torrent.status
        if not (torrent.record.complete or status.wanted) and torrent.placed:
            done = self._session().file_progress(status.info_hash)
            status = torrent.with_wanted(status, done)
        # Without metadata no content moves, and to ask for peers waits until libtorrent read it.
        if torrent.update_status(status, self._reactor.seconds()) and status.has_metadata:
            self._counters.moved(status.info_hash)
        phase_changed = before is None or before.phase is not status.phase
        if before is not None and phase_changed:
            self._saver.save(torrent)
        # An error that is known already names the file, and says more.
        if status.error and not torrent.error:
            self._controller.fail(status.info_hash, TorrentError(status.error))
        if status.has_metadata and torrent.layout is None and not torrent.error:
            self._read_metadata(torrent)
            self._registry.put(torrent)
            return
        self._proceed(torrent, phase_changed=phase_changed)

    def ask_for_first_content(self) -> None:
        """Ask for the status of downloads that wait for their first content."""
        if self._awaiting_content:
            self._awaiting_content.clear()
            self._session().post_updates()

    def retry(self) -> None:
        """Try again what could not be stored."""
        for torrent in self._registry:
            if not torrent.loaded or torrent.record.complete or torrent.error:
                continue
            if torrent.wanted_verified and not (
                torrent.has_wanted_files or DiskJob.FLUSHING in torrent.jobs
            ):
                self._completion.flush(torrent)
            elif not torrent.placed and torrent.status is not None:
                try:
                    self.take_status(torrent.status)
                except StoreError as error:
                    self._log.error("{error}", error=error)

    def _proceed(self, torrent: ManagedTorrent, *, phase_changed: bool) -> None:
        status = torrent.status
        checked = status is not None and status.phase not in (Phase.METADATA, Phase.CHECKING)
        if status is not None and checked and torrent.loaded and not torrent.error:
            if torrent.placed:
                self._take_checked(torrent, status, phase_changed=phase_changed)
                if phase_changed:
                    self._dialler.dial_at_once(torrent)
            else:
                self._place(torrent, found=status.phase is Phase.SEEDING)
        self._registry.put(torrent)

    def _read_metadata(self, torrent: ManagedTorrent) -> None:
        torrent_file = None
        if DiskJob.READING_METADATA not in torrent.jobs:
            torrent_file = self._session().metadata(torrent.record.info_hash)
        if torrent_file is not None:
            torrent.jobs.add(DiskJob.READING_METADATA)
            reading = Deferred.fromCoroutine(self._take_metadata(torrent, torrent_file))
            reading.addErrback(self._log_store_error)

    async def _take_metadata(self, torrent: ManagedTorrent, torrent_file: bytes) -> None:
        try:
            usable = await self._placement.read_metadata(torrent, torrent_file)
        finally:
            torrent.jobs.discard(DiskJob.READING_METADATA)
        if usable:
            self._proceed(torrent, phase_changed=True)
            self._registry.notify_shares()

    def _place(self, torrent: ManagedTorrent, *, found: bool) -> None:
        if DiskJob.PLACING not in torrent.jobs:
            torrent.jobs.add(DiskJob.PLACING)
            placing = Deferred.fromCoroutine(self._take_place(torrent, found=found))
            placing.addErrback(self._log_store_error)

    async def _take_place(self, torrent: ManagedTorrent, *, found: bool) -> None:
        try:
            placed = await self._placement.place(torrent, found=found)
        finally:
            torrent.jobs.discard(DiskJob.PLACING)
        if placed:
            self._proceed(torrent, phase_changed=True)

    def _take_checked(
        self, torrent: ManagedTorrent, status: TorrentStatus, *, phase_changed: bool
    ) -> None:
        """Go on with a torrent that libtorrent has compared with the disk."""
        seeding = status.phase is Phase.SEEDING
        self._controller.end_verification(torrent)
        self._controller.apply(torrent)
        if torrent.record.complete:
            self._completion.take_verified(torrent, same=seeding)
        elif not torrent.wanted_verified:
            torrent.step(Input.FETCH_MORE)
            self._go_on_fetching(torrent, status)
        elif DiskJob.FLUSHING not in torrent.jobs and (
            not torrent.has_wanted_files or (seeding and phase_changed)
        ):
            self._completion.flush(torrent)

    def _go_on_fetching(self, torrent: ManagedTorrent, status: TorrentStatus) -> None:
        if not (torrent.fetching or torrent.halted):
            self._controller.fetch(torrent)
        elif DiskJob.PREPARING not in torrent.jobs and not torrent.preparation.has_done(
            DiskStep.RESERVE_NAMES
        ):
            if status.done:
                self._controller.reserve_names(torrent)
            else:
                self._awaiting_content.add(status.info_hash)

    def _log_store_error(self, failure: Failure) -> None:
        failure.trap(StoreError)
        self._log.error("{error}", error=failure.value)

"""Tells libtorrent what to do with each torrent: fetch, verify, or pause."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bitween.bittorrent.files.layout import Layout
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.preparation import UndoneBy
from bitween.bittorrent.torrents.space_check import SpaceCheck, measuring
from bitween.bittorrent.torrents.stage import DiskJob, Input
from bitween.bittorrent.torrents.torrent_files import (
    checking_obstacles,
    has_many,
    is_lost,
    preparing,
    reserving_names,
)
from bitween.model.stat_signature import invalidated
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import NO_TROUBLE, TorrentError
from bitween.util.cooperate import run_in_slices

_T = TypeVar("_T")


class TorrentController:
    """Has libtorrent do what a torrent's options ask for, as far as its disk allows."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        space: SpaceCheck,
        loader: Loader,
        *,
        queue: DownloadQueue,
        dialler: Dialler,
        shortest_delay: float,
    ) -> None:
        """:param shortest_delay: seconds to wait at least before the next try after an error."""
        self._context = context
        self._reactor = context.reactor
        self._database = context.database
        self._registry = context.registry
        self._session = context.session
        self._space = space
        self._loader = loader
        self._queue = queue
        self._dialler = dialler
        queue.changed.subscribe(self._queue_changed)
        self._shortest_delay = shortest_delay

    def take_loaded(self, info_hash: InfoHash, error: str) -> None:
        """
        Go on with a torrent that libtorrent has added.

        :param error: why libtorrent could not add it; empty if it could.
        """
        torrent = self._registry.get(info_hash)
        if torrent is None:
            return
        torrent.step(Input.ADD_FAILED if error else Input.ADDED)
        if error:
            self.fail(info_hash, TorrentError(error))
        self.apply(torrent)
        self._dialler.dial_new(torrent)

    def apply(self, torrent: ManagedTorrent) -> None:
        """Pause or resume a torrent, as its options, the queue and its error demand."""
        if not torrent.loaded or torrent.halted == torrent.should_halt:
            return
        info_hash = torrent.record.info_hash
        torrent.halted = torrent.should_halt
        if torrent.halted:
            torrent.preparation = torrent.preparation.undo(UndoneBy.HALT)
            self._session().halt(info_hash)
            return
        hindrance = NO_TROUBLE if torrent.record.complete else self._space.hindrance(torrent)
        if hindrance:
            torrent.halted = True
            self.fail(info_hash, hindrance)
            return
        if torrent.layout is not None and not torrent.record.complete:
            self._prioritize(torrent, torrent.layout)
            if torrent.fetching and DiskJob.PREPARING in torrent.jobs:
                torrent.halted = True
                return
        torrent.unwritten = True
        self._session().go_on(info_hash)
        if torrent.wants_peers:
            self._dialler.dial(torrent)

    def _queue_changed(self, torrent: ManagedTorrent) -> None:
        self.apply(torrent)
        self._registry.put(torrent)

    def select(self, torrent: ManagedTorrent) -> None:
        """Fetch the files that are selected now."""
        if torrent.record.complete or not torrent.placed:
            return
        torrent.step(Input.FETCH_MORE)
        torrent.unwritten = True
        torrent.preparation = torrent.preparation.undo(UndoneBy.SELECTION)
        if torrent.status is not None:
            # The last status is about the files that were selected before.
            done = self._session().file_progress(torrent.record.info_hash)
            torrent.status = torrent.with_wanted(torrent.status, done)
        if torrent.error:
            # Fewer files may fit where all of them did not.
            torrent.retry_at = 0.0
            self.try_again(torrent)
        else:
            self.fetch(torrent)

    def fetch(self, torrent: ManagedTorrent) -> None:
        """Begin to fetch the wanted files, if the disk has room for them."""
        self.apply(torrent)
        if torrent.layout is not None and not torrent.halted:
            hindrance = self._space.hindrance(torrent)
            if hindrance:
                self.fail(torrent.record.info_hash, hindrance)
            else:
                self._prioritize(torrent, torrent.layout)
        self._queue.reschedule()

    def end_verification(self, torrent: ManagedTorrent) -> None:
        """Note that libtorrent has compared a torrent's files with the hashes."""
        if torrent.verifying:
            torrent.step(Input.VERIFIED)
            self._queue.reschedule()

    def fail(self, info_hash: InfoHash, error: TorrentError) -> None:
        """Halt a torrent, and show the error."""
        torrent = self._registry.get(info_hash)
        if torrent is None or torrent.error == error:
            return
        if not torrent.error:
            torrent.back_off(self._reactor.seconds(), self._shortest_delay)
        torrent.step(Input.FAIL)
        torrent.error, torrent.intact = error, False
        self._log.warn("{info_hash} is halted: {error}", info_hash=info_hash, error=error.text)
        self.apply(torrent)
        self._queue.reschedule()
        self._registry.put(torrent)

    def try_again(self, torrent: ManagedTorrent) -> None:
        """Try again with a download that has an error, if the cause may be gone."""
        if not self._registry.holds(torrent) or self._reactor.seconds() < torrent.retry_at:
            return
        if not self._space.hindrance(torrent) and not is_lost(torrent):
            self.verify(torrent, "")

    def guard(self) -> None:
        """Halt downloads whose disks are nearly full, whatever filled them."""
        for torrent in self._registry:
            if torrent.fetching and torrent.loaded and not torrent.halted and torrent.bytes_left:
                shortage = self._space.shortage(torrent)
                if shortage:
                    self.fail(torrent.record.info_hash, shortage)

    def verify(self, torrent: ManagedTorrent, signature: str) -> None:
        """
        Have libtorrent compare a torrent's files with the hashes, and go on from there.

        :param signature: of the files of a complete torrent, as they are now.
        :raises StoreError: if the database cannot be used.
        """
        if torrent.record.complete:
            record = replace(torrent.record, signature=invalidated(torrent.record.signature))
            self._database.put(record)
            torrent.record = record
        torrent.error, torrent.intact = NO_TROUBLE, False
        torrent.last_signature, torrent.faulty = signature, frozenset()
        if torrent.record.complete:
            self._loader.load_again(torrent)
            return
        # What libtorrent says of it until it is loaded again is of before.
        torrent.step(Input.MEASURE)
        self._loader.unload_quietly(torrent.record.info_hash)
        Deferred.fromCoroutine(self._measure(torrent)).addErrback(
            lambda failure: self._log.failure("measuring a download failed", failure)
        )

    async def _measure(self, torrent: ManagedTorrent) -> None:
        """Find out how much room a download still takes, and load it."""
        await run_in_slices(self._reactor, measuring(torrent))
        error = await self._while_held(torrent, checking_obstacles(torrent))
        if error:
            self.fail(torrent.record.info_hash, error)
        await run_in_slices(self._reactor, self._loader.preparing(torrent))
        if self._registry.holds(torrent):
            self._loader.load_again(torrent)

    def _prioritize(self, torrent: ManagedTorrent, layout: Layout) -> None:
        if DiskJob.PREPARING in torrent.jobs:
            return
        if not torrent.prepared:
            torrent.jobs.add(DiskJob.PREPARING)
            Deferred.fromCoroutine(self._prepare(torrent)).addErrback(
                lambda failure: self._log.failure("preparing a download failed", failure)
            )
            return
        selection = torrent.record.options.selection
        if torrent.loaded_idle and (selection.sequential or has_many(layout)):
            self._reload_to_fetch(torrent)
            return
        torrent.fetching = True
        priorities = layout.priorities(selection)
        self._session().fetch(torrent.record.info_hash, priorities, selection.sequential)
        torrent.active_at = self._reactor.seconds()

    async def _prepare(self, torrent: ManagedTorrent) -> None:
        """Make the files that have to exist before a download is fetched, and go on with it."""
        try:
            error = await self._while_held(torrent, preparing(torrent))
        finally:
            torrent.jobs.discard(DiskJob.PREPARING)
        if error is None or not self._registry.holds(torrent):
            return
        if error:
            self.fail(torrent.record.info_hash, error)
        elif torrent.preparation.holes:
            torrent.has_room = True
            self._loader.load_again(torrent)
        elif torrent.halted:
            self.apply(torrent)
        elif torrent.loaded and torrent.layout is not None:
            self._prioritize(torrent, torrent.layout)

    def reserve_names(self, torrent: ManagedTorrent) -> None:
        """Reserve the names of files whose content is still to come."""
        Deferred.fromCoroutine(self._while_held(torrent, reserving_names(torrent))).addErrback(
            lambda failure: self._log.failure("reserving the names of files failed", failure)
        )

    async def _while_held(self, torrent: ManagedTorrent, steps: Steps[_T]) -> _T | None:
        """Take steps while a torrent is not removed; ``None`` if it is removed meanwhile."""

        def taking() -> Steps[_T | None]:
            while self._registry.holds(torrent):
                try:
                    next(steps)
                except StopIteration as end:
                    return cast(_T, end.value)
                yield
            return None

        return await self._context.run_in_slices(taking())

    def _reload_to_fetch(self, torrent: ManagedTorrent) -> None:
        """
        Load a download again that was loaded idle.

        Otherwise libtorrent would fetch its pieces in no order, and make all its files and folders
        at once instead of when their content comes.
        """
        torrent.has_room = True
        if torrent.status is not None and torrent.status.done:
            self.verify(torrent, "")
        else:
            self._loader.load_again(torrent)

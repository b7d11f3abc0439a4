"""What libtorrent is to do with each torrent: fetch, verify, or nothing."""

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
from bitween.bittorrent.torrents.space_check import SpaceCheck, measuring
from bitween.bittorrent.torrents.stage import Input, Job
from bitween.bittorrent.torrents.torrent_files import (
    clearing,
    has_many,
    is_lost,
    keeping_names,
    preparing,
)
from bitween.model.stat_signature import invalidated
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import NO_TROUBLE, TorrentError
from bitween.util.cooperate import in_slices

_T = TypeVar("_T")


class TorrentController:
    """Has libtorrent do what is wanted of a torrent, as far as the disk lets it."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        space: SpaceCheck,
        loader: Loader,
        *,
        queue: DownloadQueue,
        dialler: Dialler,
        patience: float,
    ) -> None:
        """:param patience: seconds to wait at least before trying again after an error."""
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
        self._patience = patience

    def take_loaded(self, info_hash: InfoHash, error: str) -> None:
        """
        Go on with a torrent that was put into the session.

        :param error: why it could not be; empty if it is there.
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
        """Have libtorrent go on with a torrent or not, as is wanted now."""
        if not torrent.loaded or torrent.halted == torrent.should_halt:
            return
        info_hash = torrent.record.info_hash
        torrent.halted = torrent.should_halt
        if torrent.halted:
            # Until it goes on, anything may be put where it writes.
            torrent.clear = False
            self._session().halt(info_hash)
            return
        hindered = NO_TROUBLE if torrent.record.complete else self._space.hindrance(torrent)
        if hindered:
            torrent.halted = True
            self.fail(info_hash, hindered)
            return
        if torrent.layout is not None and not torrent.record.complete:
            self._prioritize(torrent, torrent.layout)
            if torrent.fetching and Job.PREPARING in torrent.jobs:
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
        """Have the files fetched that are selected now."""
        if torrent.record.complete or not torrent.placed:
            return
        torrent.step(Input.FETCH_MORE)
        torrent.unwritten, torrent.plain = True, False
        torrent.clear = torrent.names_kept = False
        if torrent.status is not None:
            # What libtorrent said last was of the files that were selected before.
            done = self._session().file_progress(torrent.record.info_hash)
            torrent.status = torrent.count(torrent.status, done)
        if torrent.error:
            # Fewer files may find room, where all of them did not.
            torrent.retry_at = 0.0
            self.try_again(torrent)
        else:
            self.fetch(torrent)

    def fetch(self, torrent: ManagedTorrent) -> None:
        """Begin to fetch what is wanted, if the disk has room for it."""
        self.apply(torrent)
        if torrent.layout is not None and not torrent.halted:
            hindered = self._space.hindrance(torrent)
            if hindered:
                self.fail(torrent.record.info_hash, hindered)
            else:
                self._prioritize(torrent, torrent.layout)
        self._queue.reschedule()

    def end_verification(self, torrent: ManagedTorrent) -> None:
        """Take note that libtorrent has compared what lies on the disk with the hashes."""
        if torrent.verifying:
            torrent.step(Input.VERIFIED)
            self._queue.reschedule()

    def fail(self, info_hash: InfoHash, error: TorrentError) -> None:
        """Have a torrent stand still, and say why."""
        torrent = self._registry.get(info_hash)
        if torrent is None or torrent.error == error:
            return
        if not torrent.error:
            torrent.put_off(self._reactor.seconds(), self._patience)
        torrent.step(Input.FAIL)
        torrent.error, torrent.intact = error, False
        self._log.warn("{info_hash} stands still: {error}", info_hash=info_hash, error=error.text)
        self.apply(torrent)
        self._queue.reschedule()
        self._registry.put(torrent)

    def try_again(self, torrent: ManagedTorrent) -> None:
        """Go on with a download that could not be written, if that could help."""
        if not self._registry.holds(torrent) or self._reactor.seconds() < torrent.retry_at:
            return
        if not self._space.hindrance(torrent) and not is_lost(torrent):
            self.verify(torrent, "")

    def guard(self) -> None:
        """Have those stand still that would fill their disks, whoever took the room."""
        for torrent in self._registry:
            if torrent.fetching and torrent.loaded and not torrent.halted and torrent.left:
                shortage = self._space.shortage(torrent)
                if shortage:
                    self.fail(torrent.record.info_hash, shortage)

    def verify(self, torrent: ManagedTorrent, stamp: str) -> None:
        """
        Have libtorrent compare what lies on the disk with the hashes, and go on from there.

        :param stamp: of the files of a complete torrent, as they look now.
        """
        if torrent.record.complete:
            record = replace(torrent.record, stamp=invalidated(torrent.record.stamp))
            self._database.put(record)
            torrent.record = record
        torrent.error, torrent.intact = NO_TROUBLE, False
        torrent.seen, torrent.faulty = stamp, frozenset()
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
        """Find out what a download still takes of its disk, and load it."""
        await in_slices(self._reactor, measuring(torrent))
        trouble = await self._while_held(torrent, clearing(torrent))
        if trouble:
            self.fail(torrent.record.info_hash, trouble)
        await in_slices(self._reactor, self._loader.preparing(torrent))
        if self._registry.holds(torrent):
            self._loader.load_again(torrent)

    def _prioritize(self, torrent: ManagedTorrent, layout: Layout) -> None:
        if Job.PREPARING in torrent.jobs:
            return
        if not torrent.ready:
            torrent.jobs.add(Job.PREPARING)
            Deferred.fromCoroutine(self._prepare(torrent)).addErrback(
                lambda failure: self._log.failure("preparing a download failed", failure)
            )
            return
        selection = torrent.record.options.selection
        if torrent.loaded_idle and (selection.sequential or has_many(layout)):
            self._begin_anew(torrent)
            return
        torrent.fetching = True
        priorities = layout.priorities(selection)
        self._session().fetch(torrent.record.info_hash, priorities, selection.sequential)
        torrent.busy_at = self._reactor.seconds()

    async def _prepare(self, torrent: ManagedTorrent) -> None:
        """Make what has to be there before a download is fetched, and go on with it."""
        try:
            trouble = await self._while_held(torrent, preparing(torrent))
        finally:
            torrent.jobs.discard(Job.PREPARING)
        if trouble is None or not self._registry.holds(torrent):
            return
        if trouble:
            self.fail(torrent.record.info_hash, trouble)
        elif torrent.holes:
            torrent.cleared = True
            self._loader.load_again(torrent)
        elif torrent.halted:
            self.apply(torrent)
        elif torrent.loaded and torrent.layout is not None:
            self._prioritize(torrent, torrent.layout)

    def keep_names(self, torrent: ManagedTorrent) -> None:
        """Have nobody take the names of files of which the content is yet to come."""
        Deferred.fromCoroutine(self._while_held(torrent, keeping_names(torrent))).addErrback(
            lambda failure: self._log.failure("keeping the names of files failed", failure)
        )

    async def _while_held(self, torrent: ManagedTorrent, steps: Steps[_T]) -> _T | None:
        """Take steps, but none any more for what is removed; ``None`` if it is."""

        def taking() -> Steps[_T | None]:
            while self._registry.holds(torrent):
                try:
                    next(steps)
                except StopIteration as end:
                    return cast(_T, end.value)
                yield
            return None

        return await self._context.in_slices(taking())

    def _begin_anew(self, torrent: ManagedTorrent) -> None:
        """
        Load a download again.

        libtorrent finds no order in what it once was not to fetch, and makes at once every file and
        folder of it; otherwise it makes them when their content comes.
        """
        torrent.cleared = True
        if torrent.status is not None and torrent.status.done:
            self.verify(torrent, "")
        else:
            self._loader.load_again(torrent)

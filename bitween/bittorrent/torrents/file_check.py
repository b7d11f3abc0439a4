"""Checks the files of torrents periodically: whether they are missing or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from twisted.internet.defer import Deferred

from bitween.bittorrent.files.disk import FilesCheck, checking_files
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import (
    checking_wanted_files,
    finding_obstacle,
    is_lost,
)
from bitween.model.torrent import FileEntry
from bitween.model.torrent_error import NO_TROUBLE, missing
from bitween.util.cooperate import run_in_slices

# How many files are checked in one step, and in how many steps the torrents with errors are checked
# once: 50 files a second.
_FILES_A_STEP = 50
_STEPS = 30


class FileChecker:
    """
    Finds out when the files of a torrent become faulty, and when they are repaired.

    :ivar pause: seconds from one step to the next.
    """

    def __init__(
        self, context: Context, loader: Loader, controller: TorrentController, look_seconds: float
    ) -> None:
        """
        :param look_seconds: how often the files of a torrent with an error are checked; those of
            the others half as often, or less if they are many.
        """
        self.pause = look_seconds / _STEPS
        self._context = context
        self._reactor = context.reactor
        self._registry = context.registry
        self._loader = loader
        self._controller = controller
        self._rounds = [
            Rounds(self._check_faulty, look_seconds),
            Rounds(self._check_all, 2 * look_seconds),
            Rounds(self._check_running, self.pause),
        ]

    def step(self) -> None:
        """Check some more files."""
        for rounds in self._rounds:
            rounds.step(self._reactor.seconds(), _FILES_A_STEP)
        self._registry.notify_shares()

    async def recheck(self, torrent: ManagedTorrent) -> None:
        """
        Check a torrent now, in slices, and have it verified even if nothing has changed.

        :raises StoreError: if the database cannot be used.
        """
        torrent.retry_delay, torrent.rejected_signature = 0.0, ""
        if torrent.layout is None:
            return
        result = await self._check(torrent.record.folder, torrent.layout.files)
        if not self._registry.holds(torrent):
            return
        if torrent.record.complete and result.fault:
            torrent.faulty = result.faulty
            self._controller.fail(torrent.record.info_hash, result.fault)
        else:
            self._controller.verify(torrent, result.signature)

    async def _check(self, folder: str, files: Sequence[FileEntry]) -> FilesCheck:
        return await self._context.run_in_slices(checking_files(folder, files))

    async def check_and_verify(self, torrent: ManagedTorrent) -> None:
        """
        Check a torrent's files now, and wait until changed ones are verified.

        :raises StoreError: if the database cannot be used.
        """
        await run_in_slices(self._reactor, self._checking(torrent))
        verified: Deferred[None] = Deferred(lambda _: unsubscribe())

        def check(_: object = None) -> None:
            if not verified.called and not self._is_verifying(torrent):
                unsubscribe()
                verified.callback(None)

        unsubscribe = self._registry.events.subscribe(check)
        check()
        await verified

    def _is_verifying(self, torrent: ManagedTorrent) -> bool:
        return torrent.verifying and not torrent.error and self._registry.holds(torrent)

    def _check_all(self) -> Iterator[None]:
        for torrent in self._registry:
            yield from self._checking(torrent)

    def _check_running(self) -> Iterator[None]:
        """Check that the user puts nothing where content from peers is written."""
        for torrent in self._registry:
            coming = torrent.fetching and not (torrent.halted or torrent.record.complete)
            if coming and torrent.status is not None and torrent.status.peers:
                error = yield from finding_obstacle(torrent)
                if error and torrent.fetching and not torrent.halted:
                    self._controller.fail(torrent.record.info_hash, error)
            yield

    def _checking(self, torrent: ManagedTorrent) -> Iterator[None]:
        if torrent.complete and torrent.layout is not None:
            result = yield from checking_files(torrent.record.folder, torrent.layout.files)
            self._take_check(torrent, result)
        elif torrent.has_wanted_files and not torrent.error:
            result = yield from checking_wanted_files(torrent)
            if result.fault and torrent.has_wanted_files:
                torrent.faulty = result.faulty
                self._controller.fail(torrent.record.info_hash, result.fault)
        elif is_lost(torrent):
            self._controller.fail(torrent.record.info_hash, missing(torrent.record.root or ""))
            yield

    def _check_faulty(self) -> Iterator[None]:
        for torrent in self._registry:
            if not torrent.error or torrent.layout is None:
                continue
            if torrent.record.complete:
                result = yield from checking_files(torrent.record.folder, torrent.layout.files)
                self._take_check(torrent, result)
                continue
            if torrent.has_wanted_files:
                # Missing files of a finished torrent are fetched again only on request.
                result = yield from checking_wanted_files(torrent)
                if result.fault:
                    continue
            if (yield from finding_obstacle(torrent)):
                continue
            self._controller.try_again(torrent)
            yield

    def _take_check(self, torrent: ManagedTorrent, result: FilesCheck) -> None:
        """Act on a check of the files of a complete torrent."""
        if torrent.verifying or not self._registry.holds(torrent):
            return
        if result.faulty != torrent.faulty:
            torrent.faulty = result.faulty
            self._registry.put(torrent)
        if result.fault:
            self._controller.fail(torrent.record.info_hash, result.fault)
        elif torrent.error and self._reactor.seconds() < torrent.retry_at:
            return
        elif result.signature == torrent.record.signature:
            if torrent.error:
                torrent.error, torrent.intact = NO_TROUBLE, True
                self._loader.load_again(torrent)
        elif result.signature != torrent.rejected_signature:
            self._controller.verify(torrent, result.signature)


class Rounds:
    """Runs one round after the other, a few steps at a time, with a rest in between."""

    def __init__(self, begin: Callable[[], Iterator[None]], rest: float) -> None:
        """
        :param begin: returns the steps of a round.
        :param rest: seconds from the end of one round to the next.
        """
        self._begin = begin
        self._rest = rest
        self._round: Iterator[None] | None = None
        self._next = 0.0

    def step(self, now: float, count: int) -> None:
        """
        Take some steps, unless it is time to rest.

        :param now: seconds, from any beginning.
        :param count: how many steps at most.
        """
        if self._round is None:
            if now < self._next:
                return
            self._round = self._begin()
        if sum(1 for _ in islice(self._round, count)) < count:
            self._round = None
            self._next = now + self._rest

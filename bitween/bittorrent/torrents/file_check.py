"""Looks at the files of torrents again and again: whether they are as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from twisted.internet.defer import Deferred

from bitween.bittorrent.files.disk import Look, looking
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import (
    is_lost,
    looking_at_wanted,
    looking_for_obstacles,
)
from bitween.model.torrent import FileEntry
from bitween.model.torrent_error import NO_TROUBLE, missing
from bitween.util.cooperate import in_slices

# How many files are looked at in one step, and how many steps there are until those in trouble
# may be looked at again: 50 files a second.
_FILES_A_STEP = 50
_STEPS = 30


class FileChecker:
    """
    Finds out when files get into trouble, and when that is over.

    :ivar pause: seconds from one step to the next.
    """

    def __init__(
        self, context: Context, loader: Loader, controller: TorrentController, look_seconds: float
    ) -> None:
        """
        :param look_seconds: how often the files of a torrent in trouble are looked at; those of the
            others half as often, or less if they are many.
        """
        self.pause = look_seconds / _STEPS
        self._context = context
        self._reactor = context.reactor
        self._registry = context.registry
        self._loader = loader
        self._controller = controller
        self._rounds = [
            Rounds(self._look_at_troubled, look_seconds),
            Rounds(self._look_at_sound, 2 * look_seconds),
            Rounds(self._look_at_running, self.pause),
        ]

    def step(self) -> None:
        """Look at some more."""
        for rounds in self._rounds:
            rounds.step(self._reactor.seconds(), _FILES_A_STEP)
        self._registry.tell_shares()

    async def recheck(self, torrent: ManagedTorrent) -> None:
        """Look at a torrent now, in slices, and have it verified though nothing seems to be new."""
        torrent.patience, torrent.refused = 0.0, ""
        if torrent.layout is None:
            return
        found = await self._look_at(torrent.record.folder, torrent.layout.files)
        if not self._registry.holds(torrent):
            return
        if torrent.record.complete and found.fault:
            torrent.faulty = found.faulty
            self._controller.fail(torrent.record.info_hash, found.fault)
        else:
            self._controller.verify(torrent, found.stamp)

    async def _look_at(self, folder: str, files: Sequence[FileEntry]) -> Look:
        return await self._context.in_slices(looking(folder, files))

    async def look_and_verify(self, torrent: ManagedTorrent) -> None:
        """Look at a torrent's files now, and wait until changed ones are verified."""
        await in_slices(self._reactor, self._looking_at(torrent))
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

    def _look_at_sound(self) -> Iterator[None]:
        for torrent in self._registry:
            yield from self._looking_at(torrent)

    def _look_at_running(self) -> Iterator[None]:
        """See that the user puts nothing where somebody sends us content."""
        for torrent in self._registry:
            coming = torrent.fetching and not (torrent.halted or torrent.record.complete)
            if coming and torrent.status is not None and torrent.status.peers:
                trouble = yield from looking_for_obstacles(torrent)
                if trouble and torrent.fetching and not torrent.halted:
                    self._controller.fail(torrent.record.info_hash, trouble)
            yield

    def _looking_at(self, torrent: ManagedTorrent) -> Iterator[None]:
        if torrent.complete and torrent.layout is not None:
            found = yield from looking(torrent.record.folder, torrent.layout.files)
            self._take_look(torrent, found)
        elif torrent.has_wanted_files and not torrent.error:
            found = yield from looking_at_wanted(torrent)
            if found.fault and torrent.has_wanted_files:
                torrent.faulty = found.faulty
                self._controller.fail(torrent.record.info_hash, found.fault)
        elif is_lost(torrent):
            self._controller.fail(torrent.record.info_hash, missing(torrent.record.root or ""))
            yield

    def _look_at_troubled(self) -> Iterator[None]:
        for torrent in self._registry:
            if not torrent.error or torrent.layout is None:
                continue
            if torrent.record.complete:
                found = yield from looking(torrent.record.folder, torrent.layout.files)
                self._take_look(torrent, found)
                continue
            if torrent.has_wanted_files:
                # What was all here and is not any more is fetched anew if that is asked for.
                found = yield from looking_at_wanted(torrent)
                if found.fault:
                    continue
            if (yield from looking_for_obstacles(torrent)):
                continue
            self._controller.try_again(torrent)
            yield

    def _take_look(self, torrent: ManagedTorrent, found: Look) -> None:
        """Go by how the files of a complete torrent look now."""
        if torrent.verifying or not self._registry.holds(torrent):
            return
        if found.faulty != torrent.faulty:
            torrent.faulty = found.faulty
            self._registry.put(torrent)
        if found.fault:
            self._controller.fail(torrent.record.info_hash, found.fault)
        elif torrent.error and self._reactor.seconds() < torrent.retry_at:
            return
        elif found.stamp == torrent.record.stamp:
            if torrent.error:
                torrent.error, torrent.intact = NO_TROUBLE, True
                self._loader.load_again(torrent)
        elif found.stamp != torrent.refused:
            self._controller.verify(torrent, found.stamp)


class Rounds:
    """Makes one round after the other, a few steps at a time, and rests in between."""

    def __init__(self, begin: Callable[[], Iterator[None]], rest: float) -> None:
        """
        :param begin: begins a round.
        :param rest: seconds from the end of one round to the next.
        """
        self._begin = begin
        self._rest = rest
        self._round: Iterator[None] | None = None
        self._next = 0.0

    def step(self, now: float, count: int) -> None:
        """
        Go on, unless it is time to rest.

        :param now: seconds, from any beginning.
        """
        if self._round is None:
            if now < self._next:
                return
            self._round = self._begin()
        if sum(1 for _ in islice(self._round, count)) < count:
            self._round = None
            self._next = now + self._rest

"""Looks at the files of torrents again and again: whether they are as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from twisted.internet.interfaces import IReactorTime

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.files.disk import Look, looking
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.bittorrent.torrents.rounds import Rounds
from bitween.bittorrent.torrents.torrent_files import (
    is_lost,
    looking_at_wanted,
    looking_for_obstacles,
)
from bitween.model.torrent import FileEntry
from bitween.model.torrent_error import NO_TROUBLE, missing
from bitween.util.cooperate import in_slices, result_in_slices

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
        self,
        reactor: SessionReactor,
        members: TorrentRegistry,
        loader: Loader,
        steering: TorrentController,
        look_seconds: float,
    ) -> None:
        """
        :param look_seconds: how often the files of a torrent in trouble are looked at; those of the
            others half as often, or less if they are many.
        """
        self.pause = look_seconds / _STEPS
        self._reactor = reactor
        self._members = members
        self._loader = loader
        self._steering = steering
        self._rounds = [
            Rounds(self._look_at_troubled, look_seconds),
            Rounds(self._look_at_sound, 2 * look_seconds),
            Rounds(self._look_at_running, self.pause),
        ]

    def step(self) -> None:
        """Look at some more."""
        for rounds in self._rounds:
            rounds.step(self._reactor.seconds(), _FILES_A_STEP)
        self._members.tell_shares()

    async def recheck(self, member: ManagedTorrent) -> None:
        """Look at a torrent now, in slices, and have it verified though nothing seems to be new."""
        member.patience, member.refused = 0.0, ""
        if member.layout is None:
            return
        found = await self._look_at(member.record.folder, member.layout.files)
        if not self._members.holds(member):
            return
        if member.record.complete and found.fault:
            member.faulty = found.faulty
            self._steering.fail(member.record.info_hash, found.fault)
        else:
            self._steering.verify(member, found.stamp)

    async def _look_at(self, folder: str, files: Sequence[FileEntry]) -> Look:
        return await result_in_slices(cast(IReactorTime, self._reactor), looking(folder, files))

    async def look(self, member: ManagedTorrent) -> None:
        """Look at a torrent now, in slices; what seems to be new is verified from then on."""
        await in_slices(cast(IReactorTime, self._reactor), self._looking_at(member))

    def _look_at_sound(self) -> Iterator[None]:
        for member in self._members:
            yield from self._looking_at(member)

    def _look_at_running(self) -> Iterator[None]:
        """See that the user puts nothing where somebody sends us content."""
        for member in self._members:
            coming = member.fetching and not (member.halted or member.record.complete)
            if coming and member.status is not None and member.status.peers:
                trouble = yield from looking_for_obstacles(member)
                if trouble and member.fetching and not member.halted:
                    self._steering.fail(member.record.info_hash, trouble)
            yield

    def _looking_at(self, member: ManagedTorrent) -> Iterator[None]:
        if member.complete and member.layout is not None:
            found = yield from looking(member.record.folder, member.layout.files)
            self._take_look(member, found)
        elif member.satisfied and not member.error:
            found = yield from looking_at_wanted(member)
            if found.fault and member.satisfied:
                member.faulty = found.faulty
                self._steering.fail(member.record.info_hash, found.fault)
        elif is_lost(member):
            self._steering.fail(member.record.info_hash, missing(member.record.root or ""))
            yield

    def _look_at_troubled(self) -> Iterator[None]:
        for member in self._members:
            if not member.error or member.layout is None:
                continue
            if member.record.complete:
                found = yield from looking(member.record.folder, member.layout.files)
                self._take_look(member, found)
                continue
            if member.satisfied:
                # What was all here and is not any more is fetched anew if that is asked for.
                found = yield from looking_at_wanted(member)
                if found.fault:
                    continue
            if (yield from looking_for_obstacles(member)):
                continue
            self._steering.try_again(member)
            yield

    def _take_look(self, member: ManagedTorrent, found: Look) -> None:
        """Go by how the files of a complete torrent look now."""
        if member.verifying or not self._members.holds(member):
            return
        if found.faulty != member.faulty:
            member.faulty = found.faulty
            self._members.put(member)
        if found.fault:
            self._steering.fail(member.record.info_hash, found.fault)
        elif member.error and self._reactor.seconds() < member.retry_at:
            return
        elif found.stamp == member.record.stamp:
            if member.error:
                member.error, member.intact = NO_TROUBLE, True
                self._loader.load_again(member)
        elif found.stamp != member.refused:
            self._steering.verify(member, found.stamp)

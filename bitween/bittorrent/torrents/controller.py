"""What libtorrent is to do with each torrent: fetch, verify, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.files.layout import Layout
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.bittorrent.torrents.space_check import SpaceCheck, measuring
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
from bitween.storage.database import Database
from bitween.util.cooperate import in_slices, result_in_slices

_T = TypeVar("_T")


class TorrentController:
    """Has libtorrent do what is wanted of a torrent, as far as the disk lets it."""

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        store: Database,
        members: TorrentRegistry,
        session: Callable[[], Session],
        *,
        room: SpaceCheck,
        loader: Loader,
        turns: DownloadQueue,
        dialler: Dialler,
        patience: float,
    ) -> None:
        """:param patience: seconds to wait at least before trying again after an error."""
        self._reactor = reactor
        self._store = store
        self._members = members
        self._session = session
        self._room = room
        self._loader = loader
        self._turns = turns
        self._dialler = dialler
        self._patience = patience

    def take_loaded(self, info_hash: InfoHash, error: str) -> None:
        """
        Go on with a torrent that was put into the session.

        :param error: why it could not be; empty if it is there.
        """
        member = self._members.get(info_hash)
        if member is None:
            return
        member.loaded = not error
        if error:
            self.fail(info_hash, TorrentError(error))
        self.steer(member)
        self._dialler.dial_new(member)

    def steer(self, member: ManagedTorrent) -> None:
        """Have libtorrent go on with a torrent or not, as is wanted now."""
        if not member.loaded or member.halted == member.stands:
            return
        info_hash = member.record.info_hash
        member.halted = member.stands
        if member.halted:
            # Until it goes on, anything may be put where it writes.
            member.clear = False
            self._session().halt(info_hash)
            return
        hindered = NO_TROUBLE if member.record.complete else self._room.hindrance(member)
        if hindered:
            member.halted = True
            self.fail(info_hash, hindered)
            return
        if member.layout is not None and not member.record.complete:
            self._prioritize(member, member.layout)
            if member.fetching and member.preparing:
                member.halted = True
                return
        member.unwritten = True
        self._session().go_on(info_hash)
        if member.wants_peers:
            self._dialler.dial(member)

    def select(self, member: ManagedTorrent) -> None:
        """Have the files fetched that are selected now."""
        if member.record.complete or not member.placed:
            return
        member.satisfied, member.unwritten, member.plain = False, True, False
        member.clear = member.names_kept = False
        if member.status is not None:
            # What libtorrent said last was of the files that were selected before.
            done = self._session().file_progress(member.record.info_hash)
            member.status = member.count(member.status, done)
        if member.error:
            # Fewer files may find room, where all of them did not.
            member.retry_at = 0.0
            self.try_again(member)
        else:
            self.fetch(member)

    def fetch(self, member: ManagedTorrent) -> None:
        """Begin to fetch what is wanted, if the disk has room for it."""
        self.steer(member)
        if member.layout is not None and not member.halted:
            hindered = self._room.hindrance(member)
            if hindered:
                self.fail(member.record.info_hash, hindered)
            else:
                self._prioritize(member, member.layout)
        self._turns.disturb()

    def fail(self, info_hash: InfoHash, error: TorrentError) -> None:
        """Have a torrent stand still, and say why."""
        member = self._members.get(info_hash)
        if member is None or member.error == error:
            return
        if not member.error:
            member.put_off(self._reactor.seconds(), self._patience)
        member.error, member.intact, member.verifying = error, False, False
        self._log.warn("{info_hash} stands still: {error}", info_hash=info_hash, error=error.text)
        self.steer(member)
        self._turns.disturb()
        self._members.put(member)

    def try_again(self, member: ManagedTorrent) -> None:
        """Go on with a download that could not be written, if that could help."""
        if not self._members.holds(member) or self._reactor.seconds() < member.retry_at:
            return
        if not self._room.hindrance(member) and not is_lost(member):
            self.verify(member, "")

    def guard(self) -> None:
        """Have those stand still that would fill their disks, whoever took the room."""
        for member in self._members:
            if member.fetching and member.loaded and not member.halted and member.left:
                shortage = self._room.shortage(member)
                if shortage:
                    self.fail(member.record.info_hash, shortage)

    def verify(self, member: ManagedTorrent, stamp: str) -> None:
        """
        Have libtorrent compare what lies on the disk with the hashes, and go on from there.

        :param stamp: of the files of a complete torrent, as they look now.
        """
        if member.record.complete:
            record = replace(member.record, stamp=invalidated(member.record.stamp))
            self._store.put(record)
            member.record = record
        member.error, member.intact, member.verifying = NO_TROUBLE, False, True
        member.seen, member.faulty = stamp, frozenset()
        if member.record.complete:
            self._loader.load_again(member)
            return
        # What libtorrent says of it until it is loaded again is of before.
        member.loaded = False
        self._loader.unload_quietly(member.record.info_hash)
        Deferred.fromCoroutine(self._measure(member)).addErrback(
            lambda failure: self._log.failure("measuring a download failed", failure)
        )

    async def _measure(self, member: ManagedTorrent) -> None:
        """Find out what a download still takes of its disk, and load it."""
        await in_slices(cast(IReactorTime, self._reactor), measuring(member))
        trouble = await self._while_held(member, clearing(member))
        if trouble:
            self.fail(member.record.info_hash, trouble)
        if self._members.holds(member):
            self._loader.load_again(member)

    def _prioritize(self, member: ManagedTorrent, layout: Layout) -> None:
        if member.preparing:
            return
        if not member.ready:
            member.preparing = True
            Deferred.fromCoroutine(self._prepare(member)).addErrback(
                lambda failure: self._log.failure("preparing a download failed", failure)
            )
            return
        selection = member.record.wishes.selection
        if member.begun_idle and (selection.sequential or has_many(layout)):
            self._begin_anew(member)
            return
        member.fetching = True
        priorities = layout.priorities(selection)
        self._session().fetch(member.record.info_hash, priorities, selection.sequential)
        member.busy_at = self._reactor.seconds()

    async def _prepare(self, member: ManagedTorrent) -> None:
        """Make what has to be there before a download is fetched, and go on with it."""
        try:
            trouble = await self._while_held(member, preparing(member))
        finally:
            member.preparing = False
        if trouble is None or not self._members.holds(member):
            return
        if trouble:
            self.fail(member.record.info_hash, trouble)
        elif member.holes:
            member.cleared = True
            self._loader.load_again(member)
        elif member.halted:
            self.steer(member)
        elif member.loaded and member.layout is not None:
            self._prioritize(member, member.layout)

    def keep_names(self, member: ManagedTorrent) -> None:
        """Have nobody take the names of files of which the content is yet to come."""
        Deferred.fromCoroutine(self._while_held(member, keeping_names(member))).addErrback(
            lambda failure: self._log.failure("keeping the names of files failed", failure)
        )

    async def _while_held(self, member: ManagedTorrent, steps: Steps[_T]) -> _T | None:
        """Take steps, but none any more for what is removed; ``None`` if it is."""

        def taking() -> Steps[_T | None]:
            while self._members.holds(member):
                try:
                    next(steps)
                except StopIteration as end:
                    return cast(_T, end.value)
                yield
            return None

        return await result_in_slices(cast(IReactorTime, self._reactor), taking())

    def _begin_anew(self, member: ManagedTorrent) -> None:
        """
        Load a download again.

        libtorrent finds no order in what it once was not to fetch, and makes at once every file and
        folder of it; otherwise it makes them when their content comes.
        """
        member.cleared = True
        if member.status is not None and member.status.done:
            self.verify(member, "")
        else:
            self._loader.load_again(member)

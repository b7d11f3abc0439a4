"""Takes each torrent from one milestone to the next: metadata, a place, every byte on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator
from dataclasses import replace
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.engine.metadata_scan import scanning
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.engine.transfer_counters import TransferCounters
from bitween.bittorrent.files.disk import Look, looking, remove_part_file
from bitween.bittorrent.files.holes import Zeros, finding_zeros
from bitween.bittorrent.files.layout import Layout, finding_links, free_root, reading_layout
from bitween.bittorrent.files.naming import choosing_names
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.bittorrent.torrents.space_check import whole_need
from bitween.bittorrent.torrents.torrent_files import looking_at_wanted
from bitween.errors import StoreError, SwarmError
from bitween.model.metainfo import info_section
from bitween.model.naming import Naming
from bitween.model.text import printable, safe_name
from bitween.model.torrent import FileOrigin, InfoHash
from bitween.model.torrent_error import Reason, TorrentError
from bitween.storage.database import Database
from bitween.util.cooperate import result_in_slices

# How many files with other names than their sender's the log names.
_EXAMPLES = 5
# How much the size that a contact announces may differ from that in the metadata: other programs
# may count padding, or leave it out.
_TOLERANCE = 0.05

_T = TypeVar("_T")


class TorrentLifecycle:
    """
    Decides from the status of a torrent how it goes on.

    Whichever alert made us ask for the status does not matter: a lost one then delays the decision
    at most.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        store: Database,
        members: TorrentRegistry,
        session: Callable[[], Session],
        clock: Callable[[], float],
        *,
        loader: Loader,
        flusher: Flusher,
        steering: TorrentController,
        turns: DownloadQueue,
        saver: ResumeDataSaver,
        tallies: TransferCounters,
        dialler: Dialler,
        announced: Callable[[InfoHash], Collection[int]],
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param announced: the sizes that contacts announce of a torrent.
        """
        self._announced = announced
        self._reactor = reactor
        self._store = store
        self._members = members
        self._session = session
        self._clock = clock
        self._loader = loader
        self._flusher = flusher
        self._steering = steering
        self._turns = turns
        self._saver = saver
        self._tallies = tallies
        self._dialler = dialler
        # Those whose first content is awaited: until then the names of their files are anybody's.
        self._begun: set[InfoHash] = set()

    def take_status(self, status: TorrentStatus) -> None:
        """Go on with a torrent as far as that is possible now."""
        member = self._members.get(status.info_hash)
        # What is said before it is loaded is said of an earlier load.
        if member is None or not member.loaded:
            return
        before = member.status
        if not (member.record.complete or status.wanted) and member.placed:
            done = self._session().file_progress(status.info_hash)
            status = member.count(status, done)
        # Without metadata nothing moves, and to ask for peers waits until libtorrent has read it.
        if member.take(status, self._reactor.seconds()) and status.has_metadata:
            self._tallies.moved(status.info_hash)
        if before is not None and before.phase is not status.phase:
            self._saver.save(member)
        # What was said of the file itself tells more.
        if status.error and not member.error:
            self._steering.fail(status.info_hash, TorrentError(status.error))
        if status.has_metadata and member.layout is None and not member.error:
            self._take_metadata(member)
            self._members.put(member)
            return
        self._proceed(member, turned=before is None or before.phase is not status.phase)

    def _proceed(self, member: ManagedTorrent, *, turned: bool) -> None:
        status = member.status
        checked = status is not None and status.phase not in (Phase.METADATA, Phase.CHECKING)
        if status is not None and checked and member.loaded and not member.error:
            self._take_checked(member, status, turned=turned)
            if turned:
                self._dialler.dial_at_once(member)
        self._members.put(member)

    def flush(self, member: ManagedTorrent) -> None:
        """Have libtorrent write to the disk what it has, and go on when it is there."""
        # Twice, so that by the end of the second flush the status is not from before the first one.
        info_hash = member.record.info_hash
        member.flushing = True
        self._flusher.flush(info_hash)
        self._session().post_updates()
        self._flusher.flush(info_hash).addCallback(
            lambda there: Deferred.fromCoroutine(self._flushed(member, there=there))
        ).addErrback(self._not_noted)

    async def _flushed(self, member: ManagedTorrent, *, there: bool) -> None:
        try:
            if there:
                await self._settle(member)
        finally:
            member.flushing = False

    async def _settle(self, member: ManagedTorrent) -> None:
        """Take note of what is on the disk, after a look at its files."""
        if not self._may_settle(member) or member.layout is None:
            return
        seeding = member.status is not None and member.status.phase is Phase.SEEDING
        found = None
        if seeding:
            found = await self._in_slices(looking(member.record.folder, member.layout.files))
        if found is not None and not found.fault and self._may_settle(member):
            self._complete(member, found.stamp)
        else:
            # Of files that are left out every byte may be here, with the pieces that they share
            # with others, and yet no file that holds them.
            wanted = await self._in_slices(looking_at_wanted(member))
            if self._may_settle(member):
                self._take_wanted(member, wanted)
        self._members.tell_shares()
        self._turns.disturb()

    def _may_settle(self, member: ManagedTorrent) -> bool:
        here = member.loaded and member.has_wanted and not member.error
        return here and self._members.holds(member)

    async def _in_slices(self, steps: Generator[object, None, _T]) -> _T:
        return await result_in_slices(cast(IReactorTime, self._reactor), steps)

    def _take_wanted(self, member: ManagedTorrent, found: Look) -> None:
        if found.fault:
            member.faulty = found.faulty
            self._steering.fail(member.record.info_hash, found.fault)
        else:
            self._satisfy(member)

    def look_for_content(self) -> None:
        """Ask again how those are of which nothing had come yet."""
        if self._begun:
            self._begun.clear()
            self._session().post_updates()

    def go_on(self) -> None:
        """Try again with what could not be stored."""
        for member in self._members:
            if not member.loaded or member.record.complete or member.error:
                continue
            if member.has_wanted and not (member.satisfied or member.flushing):
                self.flush(member)
            elif not member.placed and member.status is not None:
                try:
                    self.take_status(member.status)
                except StoreError as error:
                    self._log.error("{error}", error=error)

    def _not_noted(self, failure: Failure) -> None:
        failure.trap(StoreError)
        self._log.error("{error}", error=failure.value)

    def _take_metadata(self, member: ManagedTorrent) -> None:
        if member.reading:
            return
        torrent_file = self._session().metadata(member.record.info_hash)
        if torrent_file is not None:
            member.reading = True
            reading = Deferred.fromCoroutine(self._read(member, torrent_file))
            reading.addErrback(self._not_noted)

    async def _read(self, member: ManagedTorrent, torrent_file: bytes) -> None:
        """Read metadata, which is a contact's, and go on."""
        try:
            read = await self._in_slices(self._reading(member, torrent_file))
        except SwarmError as error:
            if self._members.holds(member):
                self._refuse(member, TorrentError(error.message, Reason.SENSELESS))
            return
        finally:
            member.reading = False
        if not self._members.holds(member) or not member.loaded:
            return
        naming, layout, zeros = read
        name = safe_name(layout.name)
        record = replace(member.record, torrent_file=torrent_file, naming=naming, name=name)
        self._store.put(record)
        member.record, member.layout, member.zeros = record, layout, zeros
        if not layout.by_default:
            # What lies under our names is to be compared, not what lies under libtorrent's.
            self._loader.load_again(member)
        self._proceed(member, turned=True)
        self._members.tell_shares()

    def _reading(
        self, member: ManagedTorrent, torrent_file: bytes
    ) -> Generator[None, None, tuple[Naming, Layout, Zeros]]:
        """
        Read metadata in steps; measure it before anything is built of it.

        :raises SwarmError: if it is too much, or other than was announced, or makes no sense.
        """
        extent = yield from scanning(info_section(torrent_file), bounded=True)
        announced = self._announced(member.record.info_hash)
        if announced and not any(_is_about(extent.size, size) for size in announced):
            raise SwarmError(
                f"it is not what was announced: {extent.size:,} bytes in {extent.files:,} files,"
                f" where {' or '.join(f'{size:,}' for size in sorted(announced)[:3])} bytes were"
            )
        names = yield from choosing_names(member.record.folder, extent.paths)
        layout = yield from reading_layout(torrent_file, member.record.root, names)
        zeros = yield from finding_zeros(torrent_file, layout, member.record.folder)
        return names.naming, layout, zeros

    def _refuse(self, member: ManagedTorrent, trouble: TorrentError) -> None:
        """Have nothing to do with a torrent, whose metadata libtorrent need not keep, either."""
        member.loaded = False
        self._loader.unload_quietly(member.record.info_hash)
        self._steering.fail(member.record.info_hash, trouble)
        self._members.tell_shares()

    def _take_checked(self, member: ManagedTorrent, status: TorrentStatus, *, turned: bool) -> None:
        """
        Go on with a torrent of which is known what lies on the disk.

        :param turned: whether it was in another phase before.
        """
        seeding = status.phase is Phase.SEEDING
        if not member.placed:
            if seeding and not member.placing:
                member.placing = True
                placing = Deferred.fromCoroutine(self._place_found(member, member.layout))
                placing.addErrback(self._not_noted)
            if member.placing or seeding:
                return
            self._place(member, same=False)
        if not member.loaded or not self._members.holds(member):
            return
        if member.verifying:
            member.verifying = False
            self._turns.disturb()
        self._steering.steer(member)
        if member.record.complete:
            self._take_verified(member, same=seeding)
        elif not member.has_wanted:
            member.satisfied = False
            self._go_on_fetching(member, status)
        elif not member.flushing and (not member.satisfied or (seeding and turned)):
            self.flush(member)

    def _go_on_fetching(self, member: ManagedTorrent, status: TorrentStatus) -> None:
        if not (member.fetching or member.halted):
            self._steering.fetch(member)
        elif not (member.names_kept or member.preparing):
            if status.done:
                self._steering.keep_names(member)
            else:
                self._begun.add(status.info_hash)

    def _take_verified(self, member: ManagedTorrent, same: bool) -> None:
        info_hash = member.record.info_hash
        member.intact = same
        if not same:
            member.refused = member.seen
            self._steering.fail(
                info_hash, TorrentError("a file is another than it was", Reason.CHANGED)
            )
        elif member.record.stamp != member.seen:
            self._store.set_complete(info_hash, member.seen, self._clock())
            member.record = replace(member.record, stamp=member.seen)

    async def _place_found(self, member: ManagedTorrent, layout: Layout | None) -> None:
        """Have a download keep the very same that lies under its name, if no link leads there."""
        try:
            files = layout.files if layout else ()
            linked = await self._in_slices(finding_links(member.record.folder, files))
            if member.loaded and not member.placed and self._members.holds(member):
                self._place(member, same=not linked)
        finally:
            member.placing = False
        if member.placed:
            self._proceed(member, turned=True)

    def _place(self, member: ManagedTorrent, same: bool) -> None:
        """
        Decide under which name a download lies on the disk, and let it begin.

        :param same: whether the very same lies there under its own name.
        """
        layout = member.layout
        if layout is None:
            return
        root = self._free_root(member, layout, same)
        found = same and root == layout.root
        origin = FileOrigin.SHARED if found else FileOrigin.FETCHED
        record = replace(member.record, root=root, origin=origin)
        # First of all: what is not known to be ours would be left alone the next time.
        self._store.put(record)
        member.record, member.hollow = record, bool(member.zeros.runs) and not found
        member.need = whole_need(member)
        if root != layout.root:
            member.layout = layout.rerooted(root)
        self._tell_renamed(member, layout)
        if root != layout.root:
            # A file that is renamed in the session is moved on the disk, and it is not ours: the
            # torrent has to begin anew instead.
            self._loader.unload_quietly(member.record.info_hash)
            self._loader.load(member)
        elif not same:
            # libtorrent touches files that it is to fetch, even if nothing of them is missing.
            self._steering.fetch(member)

    def _tell_renamed(self, member: ManagedTorrent, layout: Layout) -> None:
        renamed = [file for file in layout.files if file.original]
        if renamed:
            examples = ", ".join(
                f"{printable(file.original)!r} is {os.path.basename(file.path)!r}"
                for file in renamed[:_EXAMPLES]
            )
            self._log.info(
                "{name!r}: this disk gets other names for {count} files: {examples}{more}",
                name=member.record.name,
                count=len(renamed),
                examples=examples,
                more=", ..." if len(renamed) > _EXAMPLES else "",
            )

    def _free_root(self, member: ManagedTorrent, layout: Layout, same: bool) -> str:
        """Choose the name under which a download lies: its own, unless something else does."""
        folder = member.record.folder
        taken = {
            other.record.root
            for other in self._members
            if other is not member and other.record.folder == folder
        }
        free = not os.path.lexists(os.path.join(folder, layout.root))
        if layout.root not in taken and (free or same):
            return layout.root
        root = free_root(folder, layout.root, {name for name in taken if name})
        self._log.info(
            "{name!r} is there already: the download is called {root!r}",
            name=layout.root,
            root=root,
        )
        return root

    def _complete(self, member: ManagedTorrent, stamp: str) -> None:
        """Take note that every byte is on the disk."""
        record, now = member.record, self._clock()
        self._store.set_complete(record.info_hash, stamp, now)
        member.satisfied, member.unwritten, member.seen = False, False, stamp
        completed = record.completed or now
        member.record = replace(record, complete=True, stamp=stamp, completed=completed)
        remove_part_file(record.folder, record.info_hash)
        self._members.tell_finished(member)

    def _satisfy(self, member: ManagedTorrent) -> None:
        """Take note that every file that is wanted is on the disk."""
        new = member.record.completed is None
        if new:
            record = replace(member.record, completed=self._clock())
            self._store.put(record)
            member.record = record
        # What was stored last may be of a moment before the last piece.
        member.satisfied, member.unwritten, member.moved = True, False, True
        if new:
            self._members.tell_finished(member)
        else:
            self._members.put(member)


def _is_about(size: int, announced: int) -> bool:
    """Whether metadata holds what was announced."""
    return abs(size - announced) <= announced * _TOLERANCE

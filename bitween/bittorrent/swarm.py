"""The BitTorrent service: our torrents, kept durably and moved by libtorrent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from twisted.application.service import Service
from twisted.internet import defer
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.alerts import Alert, TorrentStatus
from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.engine.hole_punch import Puncher
from bitween.bittorrent.engine.ip_filter import Network
from bitween.bittorrent.engine.listen_sockets import ListenSockets
from bitween.bittorrent.engine.piece_reader import OpenFile, PieceReader
from bitween.bittorrent.engine.session import Session, SessionFactory
from bitween.bittorrent.engine.session_settings import SessionOptions
from bitween.bittorrent.engine.status_queue import StatusQueue
from bitween.bittorrent.engine.transfer_counters import PeerConnection, TransferCounters
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.alert_router import AlertRouter
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.file_check import FileChecker
from bitween.bittorrent.torrents.lifecycle import TorrentLifecycle
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry, unknown
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.bittorrent.torrents.space_check import SpaceCheck
from bitween.bittorrent.torrents.startup import Startup
from bitween.bittorrent.torrents.torrent_files import (
    looking_for_others,
    on_disk,
    ordering_deletion,
    survey,
    whole_files,
)
from bitween.errors import BadPath, DeletionFailed, StartupError, StoreError, SwarmError
from bitween.files.deletion.process import carry_out, check_code
from bitween.model.address import PeerAddress
from bitween.model.deletion import Deletion
from bitween.model.events import ListeningChanged, PeerConnected
from bitween.model.peer import Peer
from bitween.model.text import quoted, safe_name
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, Torrent
from bitween.model.torrent_options import DEFAULT_OPTIONS, UNLIMITED, Limits, TorrentOptions
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from bitween.util.cooperate import in_slices, result_in_slices
from bitween.util.periodic import PeriodicService

_PROGRESS_SECONDS = 1.0
_HOUSEKEEPING_SECONDS = 5.0
_SEEDS_SAVED_SECONDS = 30.0
# How often connections are asked what they brought, and those of how many torrents at a time.
_COUNTING_SECONDS = 0.2
_COUNTED_AT_ONCE = 5
# How often those that have just begun are asked whether something of them is here.
_BEGUN_SECONDS = 0.2
# How long an answer waits for the disk at most.
_FLUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SwarmOptions:
    """
    What can be set of the swarm.

    :param listen: address and port; an empty address means all, port 0 one that is chosen once.
    :param limits: of all torrents together.
    :param limit_lan: whether those hold on local networks, too.
    :param active_downloads: how many run at the same time, 0 for any number.
    :param port_mapping: whether to ask routers for a port.
    :param look_seconds: how often the files of a torrent in trouble are looked at; those of the
        others half as often, or less if they are many.
    """

    listen: tuple[str, int] = ("", 0)
    limits: Limits = UNLIMITED
    limit_lan: bool = False
    active_downloads: int = 0
    port_mapping: bool = True
    look_seconds: float = 30.0


class Swarm(Service):
    """
    Moves bytes, and keeps what is ours durably.

    This is the face of the parts that do it, and what starts and stops them.

    :ivar ready: fires when every stored torrent is loaded and peers can connect; fails with
        ``StartupError`` if they cannot.
    :ivar events: what happens to our torrents; of shares and sockets only once all are loaded.
    :ivar library: our torrents.
    :ivar announced: tells the sizes that contacts announce of a torrent; metadata that holds
        something else is refused.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        store: Database,
        options: SwarmOptions,
        clock: Callable[[], float] = time.time,
        announced: Callable[[InfoHash], Collection[int]] = lambda _: (),
        *,
        new_session: SessionFactory = Session,
    ) -> None:
        """
        :param store: is closed when the service has stopped.
        :param clock: seconds since the epoch.
        :param announced: see :attr:`announced`.
        :param new_session: creates the libtorrent session.
        """
        self._reactor = reactor
        self._store = store
        self._options = options
        self._clock = clock
        self._create_session = new_session
        self._session: Session | None = None
        self._limits = options.limits
        self._renewing: Deferred[None] | None = None
        self._unforgotten: set[InfoHash] = set()
        self._sockets = ListenSockets()
        self._members = TorrentRegistry()
        timer = cast(IReactorTime, reactor)
        self._backlog = StatusQueue(timer, self._take_status, self._members.tell_shares)
        self._tallies = TransferCounters(self._connections, self._members.events.notify)
        self.announced = announced
        self._pieces = PieceReader(reactor, self._running)
        self._flusher = Flusher(self._running)
        self._room = SpaceCheck(self._members, os.path.dirname(os.path.abspath(store.path)))
        self._loader = Loader(
            *(store, self._members, self._running),
            room=self._room,
            backlog=self._backlog,
            flusher=self._flusher,
            pieces=self._pieces,
            tallies=self._tallies,
        )
        self._startup = Startup(timer, store, self._members, self._loader)
        self._turns = DownloadQueue(
            reactor, self._members, options.active_downloads, self._turn_changed
        )
        self._dialler = Dialler(self._members, self._running)
        self._steering = TorrentController(
            *(reactor, store, self._members, self._running),
            room=self._room,
            loader=self._loader,
            turns=self._turns,
            dialler=self._dialler,
            patience=options.look_seconds,
        )
        self._saver = ResumeDataSaver(reactor, store, self._members, self._running)
        self._milestones = TorrentLifecycle(
            *(reactor, store, self._members, self._running, clock),
            loader=self._loader,
            flusher=self._flusher,
            steering=self._steering,
            turns=self._turns,
            saver=self._saver,
            tallies=self._tallies,
            dialler=self._dialler,
            announced=self._sizes_announced,
        )
        self._inspection = FileChecker(
            *(reactor, self._members, self._loader, self._steering),
            look_seconds=options.look_seconds,
        )
        self._dispatch = AlertRouter(
            *(self._members, self._running),
            backlog=self._backlog,
            startup=self._startup,
            loader=self._loader,
            flusher=self._flusher,
            steering=self._steering,
            milestones=self._milestones,
            saver=self._saver,
            pieces=self._pieces,
        )
        self._chores = [
            PeriodicService(timer, work, seconds)
            for work, seconds in (
                (lambda: self._tallies.step(_COUNTED_AT_ONCE), _COUNTING_SECONDS),
                (self._milestones.look_for_content, _BEGUN_SECONDS),
                (self._ask_for_progress, _PROGRESS_SECONDS),
                (self._keep_house, _HOUSEKEEPING_SECONDS),
                (self._saver.save_all, _SEEDS_SAVED_SECONDS),
                (self._inspection.step, self._inspection.pause),
            )
        ]
        self.ready = self._startup.ready
        self.events = self._members.events
        self.library = self._members.library

    # ---- the service

    def startService(self) -> None:
        """Listen, and load what is stored; :attr:`ready` tells the outcome."""
        super().startService()
        session = self._new_session()
        try:
            self._sockets.open(session, self._store, *self._options.listen)
        except StartupError as error:
            session.close()
            self.ready.errback(error)
            return
        self._session = session
        self._puncher = Puncher(cast(IReactorTime, self._reactor), session)
        self._turns.begin()
        self._startup.begin()
        for chore in self._chores:
            chore.startService()

    def stopService(self) -> Deferred[None]:
        """Save everything, part from the peers, and close the store."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def clock_was_set_back(self) -> None:
        """
        Begin the session anew, with everything that it has.

        libtorrent goes by the time of day: until that is what it was before, nobody is dialled, and
        what has a limit stands still.
        """
        if self._session is None or self._renewing is not None or self._members.loading:
            return
        self._renewing = Deferred.fromCoroutine(self._renew(self._session))

        def over(result: object) -> None:
            self._renewing = None
            if isinstance(result, Failure) and not result.check(defer.CancelledError):
                self._log.failure("beginning the session anew failed", result)

        self._renewing.addBoth(over)

    async def _renew(self, old: Session) -> None:
        self._log.info("libtorrent begins anew, as its clock stands still")
        self._tallies.look_at_all()
        old.pause()
        await self._saver.finish()
        self._pieces.forget_all()
        self._puncher.close()
        self._flusher.forget_all()
        for member in self._members:
            self._tallies.forget(member.record.info_hash)
        session = self._new_session()
        door = old.door
        old.close()
        self._session = session
        self._puncher = Puncher(cast(IReactorTime, self._reactor), session)
        try:
            self._sockets.open(session, self._store, *self._options.listen)
        except StartupError as error:
            self._log.error("peers cannot connect any more: {error}", error=error)
        # Who guards the new sockets does so before anybody is let in.
        self.events.notify(ListeningChanged())
        # Whoever heard of it may have stopped the service.
        if self._session is not session:
            return
        session.door.take_over(door)
        self._loader.take_all_but(())
        await in_slices(cast(IReactorTime, self._reactor), self._loading_again(session))

    def _loading_again(self, session: Session) -> Iterator[None]:
        for member in list(self._members):
            # Somebody may have loaded, or removed, it meanwhile.
            if self._members.holds(member) and not session.has(member.record.info_hash):
                self._loader.load(member)
                self._members.put(member)
            yield

    def _new_session(self) -> Session:
        options = self._options
        return self._create_session(
            self._reactor,
            SessionOptions(self._limits, options.limit_lan, options.port_mapping),
            self._received,
        )

    async def _stop(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        session = self._session
        if session is None:
            self._store.close(clean=self._store.was_clean)
            return
        # What was not loaded yet was not verified, either.
        unverified = self._startup.cancel() and not self._store.was_clean
        for chore in self._chores:
            chore.stopService()
        self._backlog.finish()
        self._turns.end()
        self._tallies.look_at_all()
        self._pieces.forget_all()
        self._puncher.close()
        session.pause()
        saved = await self._saver.finish()
        self._forget_the_rest()
        # What is half verified, or in trouble, has to be verified when it is begun again.
        unverified |= any(
            (member.verifying or member.error) and not member.record.complete and member.placed
            for member in self._members
        )
        self._store.close(clean=saved and not unverified)
        self._backlog.close()
        self._flusher.forget_all()
        session.close()
        self._session = None
        self._members.clear()

    # ---- what can be asked of it

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """The sockets on which peers are accepted."""
        return self._sockets.listening

    @property
    def mapped(self) -> Sequence[PeerAddress]:
        """The addresses at which a router forwards to us."""
        return self._sockets.mapped

    @property
    def external(self) -> Sequence[str]:
        """The IP addresses at which routers or peers say that they see us."""
        return self._sockets.external

    def share(
        self, metainfo: Metainfo, folder: str, origin: FileOrigin = FileOrigin.SHARED
    ) -> Deferred[Torrent]:
        """
        Seed what was hashed; answers when that is stored.

        What is complete already stays where it is; a download of the same is at its end.

        :param folder: what holds the torrent's file or folder.
        :param origin: how the files came there.
        """
        known = self._members.get(metainfo.info_hash)
        wishes = known.record.wishes if known is not None else TorrentOptions()
        wishes = replace(wishes, paused=False)
        if known is not None and known.complete:
            return self.wish(metainfo.info_hash, wishes)
        record = TorrentRecord(
            info_hash=metainfo.info_hash,
            name=safe_name(metainfo.name),
            folder=folder,
            root=metainfo.name,
            added=self._clock() if known is None else known.record.added,
            shared=True,
            complete=True,
            torrent_file=metainfo.torrent_file,
            completed=self._clock(),
            wishes=wishes,
            origin=origin,
        )
        return self._begin(record)

    def download(
        self, info_hash: InfoHash, name: str, folder: str, wishes: TorrentOptions = DEFAULT_OPTIONS
    ) -> Deferred[Torrent]:
        """
        Begin to fetch a torrent; answers when that is stored.

        :param name: what to call it until the metadata is here.
        :param folder: where it is to lie.
        """
        known = self._members.get(info_hash)
        if known is not None:
            return succeed(known.torrent)
        record = TorrentRecord(
            info_hash=info_hash,
            name=safe_name(name) if name else "",
            folder=folder,
            root=None,
            added=self._clock(),
            shared=False,
            complete=False,
            torrent_file=None,
            wishes=wishes,
            origin=FileOrigin.FETCHED,
        )
        return self._begin(record)

    def remove(self, info_hash: InfoHash, delete_data: bool) -> Deferred[Deletion | None]:
        """
        Forget a torrent, with its data if asked; answers when libtorrent has let go of its files.

        Only the torrent's own files are deleted, and the folders that are empty then.

        :returns: with what was deleted.
        :raises UnknownTorrent: if there is no such torrent.
        :raises DeletionFailed: if its data could not be deleted.
        """
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        if delete_data:
            # What cannot be deleted afterwards is not to be forgotten.
            try:
                check_code()
            except DeletionFailed:
                return fail()
        erase = partial(self._erase, member, self._progress(member)) if delete_data else None
        self._forget(info_hash)
        self._members.remove(member)
        self._turns.disturb()
        left = self._loader.unload(info_hash, erase)
        self._members.tell_removed(member)
        self._members.tell_shares()
        return left

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Tell what :meth:`remove` would delete.

        :raises UnknownTorrent: if there is no such torrent.
        """
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        counting = self._delete(member, self._progress(member), erase=False)
        return Deferred.fromCoroutine(counting)

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Compare what lies on the disk with the piece hashes, and go on from there.

        What was complete once is never written to again: if a file is another now, somebody wanted
        it so, and the torrent stands still until it is the old one.  Answers when that has begun.

        :raises UnknownTorrent: if there is no such torrent.
        """
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        return Deferred.fromCoroutine(self._recheck(member))

    async def _recheck(self, member: ManagedTorrent) -> None:
        await self._inspection.recheck(member)
        self._members.tell_shares()

    def look(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Look at the files of a torrent now; what seems to be new is compared with the piece hashes.

        :returns: with what there is to tell when that is over.
        :raises UnknownTorrent: if there is no such torrent, or none any more.
        """
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        return Deferred.fromCoroutine(self._look(member))

    async def _look(self, member: ManagedTorrent) -> Torrent:
        await self._inspection.look(member)
        await self._until(lambda: not self._is_verifying(member))
        return self._members.known(member.record.info_hash).torrent

    def _is_verifying(self, member: ManagedTorrent) -> bool:
        return member.verifying and not member.error and self._members.holds(member)

    def _until(self, holds: Callable[[], bool]) -> Deferred[None]:
        """Wait for what an event brings about."""
        waiting: Deferred[None] = Deferred(lambda _: unsubscribe())

        def test(_: object = None) -> None:
            if not waiting.called and holds():
                unsubscribe()
                waiting.callback(None)

        unsubscribe = self.events.subscribe(test)
        test()
        return waiting

    def offer_peers(self, info_hash: InfoHash, addresses: Sequence[PeerAddress]) -> None:
        """Dial these for a torrent, first ones first; those that are connected stay so."""
        member = self._members.get(info_hash)
        if member is None or member.record.complete:
            return
        if not member.peers:
            member.busy_at = self._reactor.seconds()
        self._dialler.offer(member, addresses)
        self._turns.disturb()

    def admit(self, networks: Iterable[Network]) -> None:
        """Let peers who come from these networks connect; nobody else does."""
        if self._session is not None:
            self._session.door.admit(networks)

    def refuse(self, networks: Iterable[Network]) -> None:
        """Let them connect no more, and part from those who are connected."""
        if self._session is not None:
            self._session.door.refuse(networks)

    def settle(self) -> None:
        """Have what was said of who may connect hold from now on, not only soon."""
        if self._session is not None:
            self._session.door.settle()

    def dial_simultaneously(
        self, info_hash: InfoHash, dialled: Sequence[PeerAddress], punched: Sequence[PeerAddress]
    ) -> None:
        """
        Dial somebody who dials us at the same time, whether anything is wanted of them or not.

        :param dialled: where they answer.
        :param punched: where they may be met over uTP, if they dial us now.
        """
        if info_hash in self._members and self._session is not None:
            self._session.dial(info_hash, dialled, at_once=False)
            self._puncher.punch(info_hash, punched)

    def wish(self, info_hash: InfoHash, wishes: TorrentOptions) -> Deferred[Torrent]:
        """
        Do with a torrent what is wanted of it from now on; answers when that is stored.

        :raises UnknownTorrent: if there is no such torrent.
        :raises BadPath: if a file is to be fetched where another one lies that is not ours.
        """
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        added = member.record.wishes.selection.skipped - wishes.selection.skipped
        if not added or member.record.complete or member.record.root is None:
            return self._take_wishes(info_hash, wishes)
        looking = looking_for_others(member, sorted(added))
        return Deferred.fromCoroutine(self._wish_after(looking, member, wishes))

    async def _wish_after(
        self, looking: Steps[str], member: ManagedTorrent, wishes: TorrentOptions
    ) -> Torrent:
        before, info_hash = member.record.wishes, member.record.info_hash
        path = await result_in_slices(cast(IReactorTime, self._reactor), looking)
        if path:
            raise BadPath(
                f"{quoted(path)} is there already, and is not what would be downloaded",
                "move it away, or rename it, and choose the file again",
                values={"path": path},
            )
        if not self._members.holds(member):
            raise unknown(info_hash)
        # What was wanted of it meanwhile holds as well.
        wishes = member.record.wishes.changed(before, wishes)
        return await self._take_wishes(info_hash, wishes)

    def _take_wishes(self, info_hash: InfoHash, wishes: TorrentOptions) -> Deferred[Torrent]:
        member = self._members.get(info_hash)
        if member is None:
            return fail(unknown(info_hash))
        before = member.record.wishes
        if wishes != before:
            record = replace(member.record, wishes=wishes)
            if wishes.selection != before.selection and not record.complete and record.completed:
                # It is to be finished once more.
                record = replace(record, completed=None)
                self._store.put(record)
            else:
                self._store.set_wishes(info_hash, wishes)
            member.record = record
            if wishes.limits != before.limits:
                self._running().limit(info_hash, wishes.limits)
            if wishes.selection != before.selection:
                self._steering.select(member)
            self._steering.steer(member)
            self._turns.disturb()
            self._members.put(member)
            self._members.tell_shares()
        return succeed(member.torrent)

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """
        The verified bytes of each file of a torrent, in whole pieces; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        """
        member = self._members.known(info_hash)
        if member.layout is None:
            return ()
        files = member.layout.files
        if member.complete:
            return [file.size for file in files]
        done = self._running().file_progress(info_hash) if member.placed else []
        return [done[index] for index in member.layout.indexes] if done else [0] * len(files)

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """
        The bytes of each file of a torrent that can be read from the disk; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        """
        return Deferred.fromCoroutine(self._files_written(info_hash))

    async def _files_written(self, info_hash: InfoHash) -> Sequence[int]:
        done = self.file_progress(info_hash)
        member = self._members.known(info_hash)
        whole = whole_files(member, done) - member.written
        if whole and not member.complete:
            flushed = self._flusher.flush(info_hash)
            with suppress(defer.TimeoutError):
                if await flushed.addTimeout(_FLUSH_SECONDS, cast(IReactorTime, self._reactor)):
                    member.written |= on_disk(member, whole)
        return [member.held_back(number, count) for number, count in enumerate(done)]

    def open_file(self, info_hash: InfoHash, number: int) -> OpenFile:
        """
        Open a file that is here, or is being fetched, to read it.

        :param number: counted from 0.
        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if it cannot be read at the moment.
        """
        layout = self._members.known(info_hash).layout
        if layout is None:
            raise SwarmError("its files are not known yet")
        return self._pieces.open(info_hash, layout.indexes[number])

    def coming(self, folder: str) -> int:
        """The bytes that running downloads still take of the disk on which a folder lies."""
        return self._room.coming(folder)

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        Who is connected to us for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        """
        self._members.known(info_hash)
        return self._running().peers(info_hash)

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """
        The bencoded .torrent; ``None`` until the metadata is here.

        :raises UnknownTorrent: if there is no such torrent.
        """
        return self._members.known(info_hash).record.torrent_file

    def limit(self, limits: Limits) -> None:
        """Limit all torrents together."""
        self._running().limit_all(limits)
        self._limits = limits

    # ---- torrents coming and going

    def _begin(self, record: TorrentRecord) -> Deferred[Torrent]:
        known = self._members.get(record.info_hash)
        member = ManagedTorrent(record)
        survey(member)
        self._store.put(member.record)
        self._members.add(member)
        if known is not None:
            self._loader.unload_quietly(record.info_hash)
        self._members.put(member, new=known is None)
        # By now whoever heard of it has offered peers: libtorrent dials at once what it is given
        # with a torrent, and looks at later offers only once a second.
        if not self._loader.load(member):
            self._members.put(member)
        self._members.tell_shares()
        return succeed(member.torrent)

    def _forget(self, info_hash: InfoHash) -> None:
        """Have the store forget a torrent, later if it cannot now: the disk may be full."""
        self._unforgotten.discard(info_hash)
        try:
            self._store.remove(info_hash)
        except StoreError as error:
            self._unforgotten.add(info_hash)
            self._log.warn(
                "{info_hash} is removed, but comes back if the daemon ends before this is over:"
                " {error}",
                info_hash=info_hash,
                error=error,
            )

    def _forget_the_rest(self) -> None:
        for info_hash in list(self._unforgotten):
            if info_hash in self._members:
                # It was begun once more meanwhile.
                self._unforgotten.discard(info_hash)
            else:
                self._forget(info_hash)

    def _progress(self, member: ManagedTorrent) -> Sequence[int]:
        return () if member.complete else self.file_progress(member.record.info_hash)

    def _erase(self, member: ManagedTorrent, progress: Sequence[int]) -> Deferred[Deletion]:
        return Deferred.fromCoroutine(self._delete(member, progress, erase=True))

    async def _delete(
        self, member: ManagedTorrent, progress: Sequence[int], erase: bool
    ) -> Deletion:
        reactor = cast(IReactorTime, self._reactor)
        ordering = ordering_deletion(member, self._members, progress, erase=erase)
        return await carry_out(self._reactor, await result_in_slices(reactor, ordering))

    # ---- what libtorrent says

    def _received(self, received: list[Alert]) -> None:
        self._saver.take(received)
        moved = False
        for alert in received:
            moved |= self._sockets.take(alert)
            self._dispatch.take(alert)
            if isinstance(alert, alerts.Connected):
                self.events.notify(PeerConnected(address=alert.address, port=alert.port))
        self._members.tell_shares()
        if moved and not self._members.loading:
            self.events.notify(ListeningChanged())
        # Whoever heard of something may have stopped the service.
        if self._session is None:
            return
        if any(isinstance(alert, alerts.Stirred) for alert in received):
            self._ask_for_progress()
        self._saver.settle()

    # ---- what the parts ask for

    def _running(self) -> Session:
        if self._session is None:
            raise SwarmError("the swarm is not running", "start the daemon")
        return self._session

    def _take_status(self, status: TorrentStatus) -> None:
        self._dispatch.take(status)

    def _turn_changed(self, member: ManagedTorrent) -> None:
        self._steering.steer(member)
        self._members.put(member)

    def _sizes_announced(self, info_hash: InfoHash) -> Collection[int]:
        return self.announced(info_hash)

    def _connections(self, info_hash: InfoHash) -> Sequence[PeerConnection]:
        return self._running().connections(info_hash)

    # ---- housekeeping

    def _ask_for_progress(self) -> None:
        self._running().post_updates()

    def _keep_house(self) -> None:
        self._forget_the_rest()
        self._turns.disturb()
        self._steering.guard()
        self._milestones.go_on()
        self._saver.save_incomplete()
        self._dialler.dial_missing()

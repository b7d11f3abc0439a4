"""The BitTorrent service: keeps our torrents durably, and has libtorrent transfer them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, maybeDeferred

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.ip_filter import Network
from bitween.bittorrent.engine.piece_reader import OpenFile
from bitween.bittorrent.engine.session import Session, SessionFactory
from bitween.bittorrent.session_host import SessionHost
from bitween.bittorrent.torrents.addition import Addition
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.file_progress import FileProgress
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.open_shares import OpenShares
from bitween.bittorrent.torrents.option_changes import OptionChanges
from bitween.bittorrent.torrents.parts import build_parts
from bitween.bittorrent.torrents.registry import unknown
from bitween.bittorrent.torrents.removal import Removal
from bitween.bittorrent.torrents.seal_changes import SealChanges
from bitween.errors import StartupError, StoreError, SwarmError
from bitween.model.access import Access
from bitween.model.address import PeerAddress
from bitween.model.deletion import Deletion
from bitween.model.peer import Peer
from bitween.model.seal import Seal
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, Torrent
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, TorrentOptions
from bitween.storage.database import Database
from bitween.util.periodic import PeriodicService

_Result = TypeVar("_Result")

_MAINTENANCE_SECONDS = 5.0
_SEEDS_SAVED_SECONDS = 30.0
# How often the bytes of connections are read, and of how many torrents at a time.
_COUNTING_SECONDS = 0.2
_COUNTED_AT_ONCE = 5
# How often downloads that wait for their first content are asked for their status.
_FIRST_CONTENT_SECONDS = 0.2


class Swarm(Service):
    """
    Transfers torrents, and keeps them durably.

    A facade: it starts and stops the parts that do the work, and hands each request to one of them.

    :ivar ready: fires when every stored torrent is loaded and peers can connect; fails with
        ``StartupError`` if they cannot, and with ``StoreError`` if the database cannot be used.
    :ivar events: what happens to our torrents; of shares and sockets only once all are loaded.
    :ivar library: our torrents.
    """

    def __init__(
        self,
        reactor: SessionReactor,
        database: Database,
        options: SwarmOptions,
        clock: Callable[[], float] = time.time,
        *,
        new_session: SessionFactory = Session,
    ) -> None:
        """
        :param database: is closed when the service has stopped.
        :param clock: returns the seconds since the epoch.
        :param new_session: creates the libtorrent session.
        """
        self._options = options
        self._limits = options.limits
        self._announced: Callable[[InfoHash], Collection[int]] = lambda _: ()
        self._context = context = Context(reactor, clock, database)
        self._registry = context.registry
        self._parts = parts = build_parts(
            context, options.active_downloads, options.look_seconds, self._announced_sizes
        )
        self._host = SessionHost(
            parts,
            options,
            lambda: new_session(reactor, self._session_options(), self._host.receive),
        )
        self._progress = FileProgress(context, parts.flusher)
        self._removal = Removal(context, parts.loader, parts.queue, self._known_progress)
        self._option_changes = OptionChanges(context, parts.controller, parts.queue)
        self._open_shares = OpenShares(
            context, allowed=options.sealed and options.plain_port is not None
        )
        self._seal_changes = SealChanges(context, parts.loader, parts.saver)
        self._addition = Addition(context, parts.loader, self._option_changes)
        self._timers = self._make_timers()
        self.ready = parts.startup.ready
        self.events = self._registry.events
        self.library = self._registry.library

    def _make_timers(self) -> list[PeriodicService]:
        parts = self._parts
        return [
            PeriodicService(self._context.reactor, work, seconds)
            for work, seconds in (
                (lambda: parts.counters.step(_COUNTED_AT_ONCE), _COUNTING_SECONDS),
                (parts.lifecycle.ask_for_first_content, _FIRST_CONTENT_SECONDS),
                (self._ask_for_progress, self._options.progress_seconds),
                (self.maintain, _MAINTENANCE_SECONDS),
                (parts.saver.save_all, _SEEDS_SAVED_SECONDS),
                (parts.checker.step, parts.checker.pause),
            )
        ]

    def startService(self) -> None:
        """Listen, and load what is stored; :attr:`ready` tells the outcome."""
        super().startService()
        try:
            self._host.open()
        except (StartupError, StoreError) as error:
            self.ready.errback(error)
            return
        self._parts.queue.start()
        self._parts.startup.begin()
        for timer in self._timers:
            timer.startService()

    def stopService(self) -> Deferred[None]:
        """Save everything, disconnect from all peers, and close the database."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def check_metadata_against(self, announced: Callable[[InfoHash], Collection[int]]) -> None:
        """
        Refuse metadata of another size than contacts announce.

        :param announced: returns the sizes that contacts announce of a torrent, in bytes.
        """
        self._announced = announced

    def clock_was_set_back(self) -> None:
        """Restart libtorrent, which goes by the time of day, with everything that it has."""
        self._host.renew()

    async def _stop(self) -> None:
        parts, database = self._parts, self._context.database
        session = self._context.running
        if session is None:
            database.close(clean=database.was_clean)
            return
        # What was not loaded yet was not verified, either.
        unverified = parts.startup.cancel() and not database.was_clean
        for timer in self._timers:
            timer.stopService()
        parts.statuses.finish()
        parts.queue.stop()
        parts.counters.count_all()
        parts.pieces.forget_all()
        self._host.leave_peers(session)
        saved = await parts.saver.finish()
        self._removal.forget_stored()
        # What is half verified, or has an error, has to be verified at the next start.
        unverified |= any(
            (torrent.verifying or torrent.error) and not torrent.record.complete and torrent.placed
            for torrent in self._registry
        )
        database.close(clean=saved and not unverified)
        parts.statuses.close()
        parts.flusher.forget_all()
        parts.loader.stop()
        parts.guard.stop()
        self._host.close(session)
        self._registry.clear()

    def _session_options(self) -> SwarmOptions:
        options = self._options
        return replace(options, limits=self._limits)

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """
        The sockets of our main port: address and port of each.

        Peers of sealed torrents connect there, or those of plain ones if we speak no others.
        """
        return self._host.sockets.listening

    @property
    def mapped(self) -> Sequence[PeerAddress]:
        """The addresses at which a router forwards to our main port."""
        return self._host.sockets.mapped

    @property
    def plain_listening(self) -> Sequence[tuple[str, int]]:
        """The sockets on which we accept peers of plain torrents: address and port of each."""
        return self._host.sockets.plain_listening

    @property
    def plain_mapped(self) -> Sequence[PeerAddress]:
        """The addresses at which a router forwards to our port for plain torrents."""
        return self._host.sockets.plain_mapped

    @property
    def external(self) -> Sequence[str]:
        """The IP addresses at which routers or peers see us."""
        return self._host.sockets.external

    def share(
        self,
        metainfo: Metainfo,
        folder: str,
        origin: FileOrigin = FileOrigin.SHARED,
        secret: bytes | None = None,
        access: Access | None = None,
    ) -> Deferred[Torrent]:
        """
        Seed a torrent that was hashed here; answers when it is stored.

        A torrent that is complete already stays where it is; a download of the same torrent ends.

        :param metainfo: its name is that of the file or folder on the disk.
        :param folder: holds the torrent's file or folder.
        :param origin: how the files came to be there.
        :param secret: seals the torrent, unless it is complete already; ``None`` for a plain one.
        :param access: who may see and fetch it, unless it is complete already; ``None`` leaves that
            as it is, for everybody in the roster if it is new.
        :raises StoreError: if that cannot be stored.
        """
        return self._addition.share(metainfo, folder, origin, secret, access)

    def download(
        self,
        info_hash: InfoHash,
        name: str,
        folder: str,
        options: TorrentOptions = DEFAULT_OPTIONS,
        seal: Seal | None = None,
    ) -> Deferred[Torrent]:
        """
        Begin to fetch a torrent; answers when it is stored.

        :param name: shown until the metadata is here.
        :param folder: where its file or folder is to lie.
        :param options: ignored if we have the torrent already.
        :param seal: of a sealed torrent; ``None`` for a plain one.  It is ignored, too.
        :raises StoreError: if that cannot be stored.
        """
        return self._addition.download(info_hash, name, folder, options, seal)

    def seal(self, info_hash: InfoHash, secret: bytes) -> Deferred[Torrent]:
        """
        Give a torrent of which the metadata is here a secret, or another one; its hash stays.

        :returns: fires with the torrent when that is stored.
        :raises UnknownTorrent: if there is no such torrent.
        :raises NoMetadata: if its metadata is not here.
        :raises StoreError: if that cannot be stored.
        """
        return self._with(info_hash, lambda torrent: self._seal_changes.seal(torrent, secret))

    def set_seal(self, info_hash: InfoHash, seal: Seal | None) -> Deferred[Torrent]:
        """
        Go on with a torrent under another seal; what is here of it stays.

        :param seal: ``None`` for a plain torrent.
        :returns: fires with the torrent when that is stored.
        :raises UnknownTorrent: if there is no such torrent.
        :raises InvalidValue: if its metadata is here, and that is not its seal.
        :raises StoreError: if that cannot be stored.
        """
        return self._with(info_hash, lambda torrent: self._seal_changes.set(torrent, seal))

    def replace_secret(
        self, info_hash: InfoHash, secret: bytes, salt: bytes, access: Access
    ) -> Deferred[Torrent]:
        """
        Give a torrent another secret and another hash, so that who had the old ones is cut off.

        Its files, options and progress stay, and nothing is hashed.

        :param salt: 16 random bytes for its info dictionary.
        :param access: who may see and fetch it from now on.
        :returns: fires with the torrent under its new hash when that is stored.
        :raises UnknownTorrent: if there is no such torrent.
        :raises NoMetadata: if its metadata is not here.
        :raises InvalidValue: if another torrent has that salt.
        :raises StoreError: if that cannot be stored.
        """
        return self._with(
            info_hash, lambda torrent: self._seal_changes.replace(torrent, secret, salt, access)
        )

    def _with(
        self, info_hash: InfoHash, do: Callable[[ManagedTorrent], Deferred[_Result]]
    ) -> Deferred[_Result]:
        """Do something with a torrent; fail if there is none."""
        torrent = self._registry.get(info_hash)
        if torrent is None:
            return fail(unknown(info_hash))
        return maybeDeferred(do, torrent)

    def remove(self, info_hash: InfoHash, delete_data: bool) -> Deferred[Deletion | None]:
        """
        Remove a torrent; answers when libtorrent has released its files.

        :param delete_data: whether to delete its own files, and the folders that are empty then.
        :returns: fires with what was deleted; ``None`` if nothing was to be deleted.
        :raises UnknownTorrent: if there is no such torrent.
        :raises DeletionFailed: if its data could not be deleted.
        """
        return self._with(
            info_hash, lambda torrent: self._removal.remove(torrent, delete_data=delete_data)
        )

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Find out what :meth:`remove` would delete.

        :returns: fires with the files and bytes that would be deleted.
        :raises UnknownTorrent: if there is no such torrent.
        :raises DeletionFailed: if that cannot be found out.
        """
        return self._with(info_hash, self._removal.preview)

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Compare a torrent's files with the piece hashes, and go on from there; answers at the start.

        A torrent that was complete once is never written to again: if a file has changed, the user
        wanted that, and the torrent is halted until the file is restored.

        :raises UnknownTorrent: if there is no such torrent.
        :raises StoreError: if the database cannot be used.
        """
        return self._with(info_hash, lambda torrent: Deferred.fromCoroutine(self._recheck(torrent)))

    async def _recheck(self, torrent: ManagedTorrent) -> None:
        await self._parts.checker.recheck(torrent)
        self._registry.notify_shares()

    def check_files(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Check the files of a torrent now; changed ones are compared with the piece hashes.

        :returns: fires with the torrent after that.
        :raises UnknownTorrent: if there is no such torrent, or it is removed meanwhile.
        :raises StoreError: if the database cannot be used.
        """
        return self._with(info_hash, lambda torrent: Deferred.fromCoroutine(self._look(torrent)))

    async def _look(self, torrent: ManagedTorrent) -> Torrent:
        await self._parts.checker.check_and_verify(torrent)
        return self._registry.known(torrent.record.info_hash).snapshot

    def offer_peers(self, info_hash: InfoHash, addresses: Sequence[PeerAddress]) -> None:
        """Dial these for a torrent, first ones first; connected peers stay connected."""
        torrent = self._registry.get(info_hash)
        if torrent is None or torrent.record.complete or not self._may_dial(torrent):
            return
        if not torrent.peers:
            torrent.active_at = self._context.reactor.seconds()
        self._parts.dialler.offer(torrent, addresses)
        self._parts.queue.reschedule()

    def allow_peers_from(self, networks: Iterable[Network]) -> None:
        """Allow peers from these networks to connect; all others are refused."""
        if self._context.running is not None:
            self._context.running.ip_filter.allow(networks)

    def deny_peers_from(self, networks: Iterable[Network]) -> None:
        """Refuse peers from these networks, and disconnect those that are connected."""
        if self._context.running is not None:
            self._context.running.ip_filter.deny(networks)

    def flush_ip_filter(self) -> None:
        """Put changes of allowed networks into force now, not only soon."""
        if self._context.running is not None:
            self._context.running.ip_filter.flush()

    def dial_simultaneously(
        self, info_hash: InfoHash, tcp: Sequence[PeerAddress], utp: Sequence[PeerAddress]
    ) -> None:
        """
        Dial a peer that dials us at the same time, whether we need it for the torrent or not.

        :param tcp: the addresses at which it listens.
        :param utp: the addresses to dial over uTP, through the NATs of both sides (BEP 55).
        """
        torrent = self._registry.get(info_hash)
        if torrent is not None and self._may_dial(torrent):
            self._host.dial(info_hash, tcp, utp)

    def _may_dial(self, torrent: ManagedTorrent) -> bool:
        """Whether a torrent is sealed, or the user lets us speak to peers in the clear."""
        options = self._options
        return (
            torrent.record.seal is not None or options.plain_port is not None or not options.sealed
        )

    def set_options(self, info_hash: InfoHash, options: TorrentOptions) -> Deferred[Torrent]:
        """
        Set the options of a torrent; answers when they are stored.

        :raises UnknownTorrent: if there is no such torrent.
        :raises BadPath: if a file is to be fetched where another one lies that is not ours.
        :raises StoreError: if that cannot be stored.
        """
        return self._with(info_hash, lambda torrent: self._option_changes.set(torrent, options))

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """
        The verified bytes of each file of a torrent, in whole pieces; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if the service is not running.
        """
        return self._progress.verified(self._registry.known(info_hash))

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """
        The bytes of each file that can be read from the disk; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if the service is not running.
        """
        return Deferred.fromCoroutine(self._files_written(info_hash))

    async def _files_written(self, info_hash: InfoHash) -> Sequence[int]:
        return await self._progress.written(self._registry.known(info_hash))

    def open_file(self, info_hash: InfoHash, number: int) -> OpenFile:
        """
        Open a file to read it, whether it is complete or still being fetched.

        :param number: of the file in :attr:`Torrent.files`, counted from 0.
        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if it cannot be read at the moment.
        """
        layout = self._registry.known(info_hash).layout
        if layout is None:
            raise SwarmError.of("swarm_error.files_unknown")
        return self._parts.pieces.open(info_hash, layout.indexes[number])

    def coming(self, folder: str) -> int:
        """The bytes that running downloads still bring to the disk of a folder."""
        return self._parts.space.coming(folder)

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        List the peers that are connected for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if the service is not running.
        """
        self._registry.known(info_hash)
        return self._context.session().peers(info_hash)

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """
        The bencoded .torrent; ``None`` until the metadata is here.

        :raises UnknownTorrent: if there is no such torrent.
        """
        return self._registry.known(info_hash).record.torrent_file

    def limit(self, limits: Limits) -> None:
        """Set the rate limits of all torrents together."""
        self._context.session().limit_all(limits)
        self._limits = limits

    def maintain(self) -> None:
        """
        Do now what is due every five seconds.

        Stores what could not be stored, starts queued downloads, tries failed ones again, saves
        resume data, and dials missing peers.
        """
        parts = self._parts
        self._removal.forget_stored()
        self._open_shares.update_all()
        parts.queue.reschedule()
        parts.controller.guard()
        parts.lifecycle.retry()
        parts.saver.save_incomplete()
        parts.dialler.dial_missing()

    def _announced_sizes(self, info_hash: InfoHash) -> Collection[int]:
        return self._announced(info_hash)

    def _known_progress(self, torrent: ManagedTorrent) -> Sequence[int]:
        return () if torrent.complete else self._progress.verified(torrent)

    def _ask_for_progress(self) -> None:
        self._context.session().post_updates()

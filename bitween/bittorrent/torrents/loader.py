"""Adds torrents to the session, and removes them again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine.add_torrent import Loading
from bitween.bittorrent.engine.alerts import Deleted, Removed
from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.engine.piece_reader import PieceReader
from bitween.bittorrent.engine.status_queue import StatusQueue
from bitween.bittorrent.engine.transfer_counters import TransferCounters
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.preparation import DiskStep
from bitween.bittorrent.torrents.space_check import SpaceCheck
from bitween.bittorrent.torrents.stage import Input
from bitween.bittorrent.torrents.torrent_files import making_programs
from bitween.errors import SwarmError
from bitween.model.deletion import Deletion
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import Reason, TorrentError

# How often it is asked whether a removed torrent is still written, and how many times at most.
_WRITING_SECONDS = 0.05
_MOST_WAITS = 200

#: Does something with the files of a torrent that libtorrent has let go of.
Afterwards = Callable[[], Deferred[Deletion | None]]


@dataclass(eq=False, slots=True)
class _Leaving:
    """
    A torrent that is leaving the session.

    :param fenced: whether libtorrent tells when it has written the last byte.
    :param afterwards: does something with its files after that.
    :param load_again: whether it is to be loaded again when it has left.
    :param ending: whether that is being done.
    :param waiting: fire with what was deleted when it has left.
    """

    fenced: bool
    afterwards: Afterwards | None
    load_again: bool = False
    ending: bool = False
    waiting: list[Deferred[Deletion | None]] = field(default_factory=list)


class Loader:
    """
    Loads and unloads torrents; a torrent that is leaving is loaded again when it has left.

    Readers and counters are told before a torrent leaves.
    """

    _log = Logger()

    def __init__(
        self,
        context: Context,
        space: SpaceCheck,
        *,
        statuses: StatusQueue,
        flusher: Flusher,
        pieces: PieceReader,
        counters: TransferCounters,
    ) -> None:
        self._context = context
        self._database = context.database
        self._registry = context.registry
        self._session = context.session
        self._space = space
        self._statuses = statuses
        self._flusher = flusher
        self._pieces = pieces
        self._counters = counters
        self._leaving: dict[InfoHash, _Leaving] = {}
        # When it is asked next whether a removed torrent is still written.
        self._waiting: dict[InfoHash, IDelayedCall] = {}

    def preparing(self, torrent: ManagedTorrent) -> Iterator[None]:
        """
        Make the programs of a download before it is loaded, one a step, if it may run at once.

        Without this it would be loaded idle, and then again.
        """
        running = torrent.placed and not (torrent.record.complete or torrent.should_halt)
        programs = torrent.layout.programs if torrent.layout else ()
        unobstructed = torrent.preparation.has_done(DiskStep.CHECK_PATHS)
        if not (programs and running and unobstructed):
            return
        if not self._space.hindrance(torrent):
            yield from making_programs(torrent)

    def load(self, torrent: ManagedTorrent) -> bool:
        """
        Add a torrent to the session; returns whether ``Loaded`` will tell the outcome.

        :raises StoreError: if its resume data cannot be read.
        """
        info_hash = torrent.record.info_hash
        torrent.status = None
        torrent.written.clear()
        self._statuses.forget(info_hash)
        if (torrent.error and torrent.layout is None) or not self._registry.holds(torrent):
            torrent.step(Input.UNLOAD)
            return False
        # Holes are made only where no file was.
        trusted = self._is_trusted(torrent) or bool(torrent.preparation.holes)
        torrent.step(Input.LOAD if trusted or torrent.error else Input.LOAD_UNVERIFIED)
        torrent.halted = torrent.should_halt
        # Of a halted torrent the disk has what it had when it was last verified, or saved.
        torrent.unwritten = not torrent.halted
        leaving = self._leaving.get(info_hash)
        if leaving is not None:
            leaving.load_again = True
            return True
        # A torrent that was complete once is never written to again: if a file has changed, the
        # user wanted that.
        wanted = torrent.placed and not (torrent.record.complete or torrent.halted)
        if wanted and not torrent.has_room:
            # This may be too careful: only libtorrent's check tells how much is left to write.
            wanted = not self._space.hindrance(torrent)
        wanted = wanted and torrent.prepared
        torrent.loaded_idle, torrent.fetching, torrent.has_room = not wanted, wanted, False
        try:
            self._session().load(self._loading(torrent, trusted, wanted))
            torrent.dialled = torrent.peers
            torrent.preparation = torrent.preparation.without_holes()
        except SwarmError as error:
            torrent.step(Input.ADD_FAILED)
            torrent.error = TorrentError(error.message, Reason.SENSELESS)
            return False
        return True

    def load_again(self, torrent: ManagedTorrent) -> None:
        """
        Remove a torrent from the session and add it again.

        :raises StoreError: if its resume data cannot be read.
        """
        self.unload_quietly(torrent.record.info_hash)
        self.load(torrent)
        self._registry.put(torrent)

    def unload(
        self, info_hash: InfoHash, afterwards: Afterwards | None = None, *, deletes: bool = False
    ) -> Deferred[Deletion | None]:
        """
        Remove a torrent from the session; answers when libtorrent has released its files.

        :param afterwards: called without arguments then; the torrent is not loaded again before
            that has ended.
        :param deletes: whether it deletes the torrent's files: libtorrent deletes the part file.
        :returns: fires with what was deleted; ``None`` if nothing was to be deleted.
        :raises DeletionFailed: if ``afterwards`` fails with it.
        """
        self._pieces.forget(info_hash)
        self._flusher.forget(info_hash)
        answer: Deferred[Deletion | None] = Deferred()
        leaving = self._leaving.get(info_hash)
        if leaving is not None:
            leaving.load_again = False
            leaving.afterwards = afterwards or leaving.afterwards
            leaving.waiting.append(answer)
            return answer
        self._counters.forget(info_hash)
        loaded = self._session().remove(info_hash, fenced=deletes)
        self._leaving[info_hash] = _Leaving(deletes, afterwards, waiting=[answer])
        if not loaded:
            self._left(info_hash)
        return answer

    def unload_quietly(self, info_hash: InfoHash) -> None:
        """Remove a torrent from the session; its files stay."""
        self.unload(info_hash).addErrback(
            lambda failure: self._log.failure("removing a torrent from the session failed", failure)
        )

    def is_leaving(self, info_hash: InfoHash) -> bool:
        """Whether a torrent is leaving the session."""
        return info_hash in self._leaving

    def take(self, alert: Removed | Deleted) -> None:
        """Go on after libtorrent has removed a torrent."""
        leaving = self._leaving.get(alert.info_hash)
        if leaving is not None and (isinstance(alert, Deleted) or not leaving.fenced):
            self._left_session(alert.info_hash)

    def _left_session(self, info_hash: InfoHash, waits: int = 0) -> None:
        """Go on once nothing more is written to files that are to be deleted."""
        self._waiting.pop(info_hash, None)
        leaving = self._leaving.get(info_hash)
        session = self._context.running
        if leaving is None or session is None:
            return
        unfenced = leaving.afterwards is not None and not leaving.fenced
        if unfenced and session.is_writing(info_hash) and waits < _MOST_WAITS:
            self._waiting[info_hash] = self._context.reactor.callLater(
                _WRITING_SECONDS, self._left_session, info_hash, waits + 1
            )
            return
        self._left(info_hash)

    def stop(self) -> None:
        """Wait for nothing more: the session closes."""
        for call in self._waiting.values():
            if call.active():
                call.cancel()
        self._waiting.clear()

    def finish_all_except(self, loaded: Collection[InfoHash]) -> None:
        """
        Go on with all leaving torrents, except those that are still in the session.

        :param loaded: info-hashes of the torrents in the session.
        """
        for info_hash in self._leaving.keys() - set(loaded):
            self._left(info_hash)

    def _is_trusted(self, torrent: ManagedTorrent) -> bool:
        """Whether we know what the disk has of a torrent."""
        known = torrent.intact if torrent.record.complete else self._database.was_clean
        return known and not torrent.verifying

    def _loading(self, torrent: ManagedTorrent, trusted: bool, wanted: bool) -> Loading:
        record, layout = torrent.record, torrent.layout
        selection = record.options.selection
        return Loading(
            info_hash=record.info_hash,
            folder=record.folder,
            torrent_file=record.torrent_file,
            paths=layout.paths if layout and not layout.by_default else (),
            resume_data=self._database.resume_data(record.info_hash) if record.root else None,
            trusted=trusted,
            halted=torrent.halted,
            have_all=record.complete and torrent.intact,
            holes=torrent.preparation.holes,
            priorities=layout.priorities(selection) if layout and wanted else None,
            sequential=selection.sequential,
            limits=record.options.limits,
            peers=torrent.peers,
            seal=record.seal,
        )

    def _left(self, info_hash: InfoHash, outcome: Deletion | Failure | None = None) -> None:
        leaving = self._leaving.get(info_hash)
        if leaving is None or leaving.ending:
            return
        afterwards, leaving.afterwards = leaving.afterwards, None
        if afterwards is not None:
            leaving.ending = True
            afterwards().addBoth(self._ended, info_hash)
            return
        del self._leaving[info_hash]
        torrent = self._registry.get(info_hash)
        if leaving.load_again and torrent is not None and not self.load(torrent):
            self._registry.put(torrent)
        for answer in leaving.waiting:
            answer.callback(outcome)

    def _ended(self, outcome: Deletion | Failure | None, info_hash: InfoHash) -> None:
        self._leaving[info_hash].ending = False
        self._left(info_hash, outcome)

"""
One of our torrents, with what the swarm knows of it beyond what it tells.

``ManagedTorrent`` joins four views of a torrent, which change at different times:

* ``record``: what the database has; survives the daemon,
* ``layout``: which files it has; read from the metadata,
* ``status``: what libtorrent last said of it, since it was loaded,
* the other attributes: what we found on the disk, and what we have asked libtorrent for.

Its stage (:mod:`bitween.bittorrent.torrents.stage`) tells where it is in its life.
:attr:`ManagedTorrent.snapshot` is what the rest of the program sees: a value without handles.

The modules of this folder read and set the attributes; nothing outside of ``bittorrent/`` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from twisted.logger import Logger

from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.files.disk import NO_NEED, Need
from bitween.bittorrent.files.layout import Layout
from bitween.bittorrent.torrents.preparation import DiskStep, Preparation
from bitween.bittorrent.torrents.stage import LOADED, UNVERIFIED, DiskJob, Input, Stage, next_stage
from bitween.model.address import PeerAddress
from bitween.model.torrent import FileEntry, Progress, Torrent, TorrentState
from bitween.model.torrent_error import NO_TROUBLE, Reason, Remedy, TorrentError
from bitween.storage.torrent_record import TorrentRecord

_log = Logger()

_LONGEST_DELAY = 3600.0
# Seconds after the last byte for which a rate is shown.
_RATE_LASTS = 2.5
# Bytes that are not counted until the disk has everything: libtorrent writes blocks of this size.
_BLOCK = 2**14


@dataclass(eq=False, slots=True)
class ManagedTorrent:
    """
    One of our torrents.

    :param record: as it is stored.
    :param layout: its files; ``None`` until the metadata is known.
    :param intact: whether the files of a complete torrent are unchanged.
    :param stage: see :mod:`bitween.bittorrent.torrents.stage`.
    :param jobs: what we do for it in slices at the moment.
    :param status: libtorrent's last status, since it was loaded.
    :param peers: the addresses last offered, best first.
    :param dialled: those that libtorrent was given, since it was loaded.
    :param error: why it is halted; false if there is no error.
    :param unwritten: whether libtorrent may have verified bytes that the disk does not have.
    :param written: the numbers of the files of an incomplete torrent that the disk has as a whole.
    :param need: the room that it still took when its files were last measured.
    :param preparation: what was done on the disk for it before the fetch.
    :param fetching: whether libtorrent was told what to fetch, since it was loaded.
    :param has_room: whether it may fetch at its next load, because its disk had room.
    :param faulty: the numbers of the files that were missing or changed at the last check.
    :param unsaved: whether there is progress that the database does not have.
    :param last_signature: the signature of the files of a complete torrent at the last check.
    :param rejected_signature: the signature with which libtorrent found wrong bytes.
    :param retry_at: when to try again after an error, seconds of the reactor.
    :param retry_delay: how long it waited for that, seconds.
    :param queued: whether it waits for other downloads.
    :param held_back: whether its peers sent too much wrong metadata; see ``MetadataGuard``.
    :param halted: whether libtorrent has it paused.
    :param loaded_idle: whether libtorrent was to fetch nothing when it was loaded.
    :param active_at: when it last made progress or was allowed to begin, seconds of the reactor.
    :param received_at: when its last bytes came.
    :param sent_at: when its last bytes were sent.
    """

    record: TorrentRecord
    layout: Layout | None = None
    intact: bool = True
    stage: Stage = Stage.UNLOADED
    jobs: set[DiskJob] = field(default_factory=set)
    status: TorrentStatus | None = None
    peers: tuple[PeerAddress, ...] = ()
    dialled: tuple[PeerAddress, ...] = ()
    error: TorrentError = NO_TROUBLE
    unwritten: bool = True
    written: set[int] = field(default_factory=set)
    need: Need = NO_NEED
    preparation: Preparation = field(default_factory=Preparation)
    fetching: bool = False
    has_room: bool = False
    faulty: frozenset[int] = frozenset()
    unsaved: bool = False
    last_signature: str = ""
    rejected_signature: str = ""
    retry_at: float = 0.0
    retry_delay: float = 0.0
    queued: bool = False
    held_back: bool = False
    halted: bool = False
    loaded_idle: bool = False
    active_at: float = 0.0
    received_at: float = -math.inf
    sent_at: float = -math.inf

    def succeeded_by(self, record: TorrentRecord) -> ManagedTorrent:
        """
        The same files as another torrent, which is not in the session yet.

        :param record: has another info-hash, and metadata of the same files and pieces.
        """
        fresh = ManagedTorrent(record)
        return replace(
            self,
            record=record,
            stage=fresh.stage,
            jobs=fresh.jobs,
            status=None,
            peers=(),
            dialled=(),
            written=fresh.written,
            fetching=False,
            unsaved=False,
            held_back=False,
        )

    def step(self, given: Input) -> None:
        """Go to the stage to which an input leads; one that is not allowed is logged."""
        stage = next_stage(self.stage, given)
        if stage is None:
            _log.error(
                "{info_hash}: {given} is not possible in stage {stage}",
                info_hash=self.record.info_hash,
                given=given.name,
                stage=self.stage.name,
            )
        else:
            self.stage = stage

    @property
    def loaded(self) -> bool:
        """Whether it is in the session."""
        return self.stage in LOADED

    @property
    def verifying(self) -> bool:
        """Whether libtorrent has yet to compare what lies on the disk with the hashes."""
        return self.stage in UNVERIFIED

    @property
    def has_wanted_files(self) -> bool:
        """Whether the disk has every wanted file, but not every file."""
        return self.stage is Stage.FINISHED

    @property
    def placed(self) -> bool:
        """Whether its name on the disk is decided."""
        return self.record.root is not None

    @property
    def complete(self) -> bool:
        """Whether every byte is verified and on the disk, as far as is known."""
        return self.record.complete and self.intact and not self.error

    @property
    def wants_peers(self) -> bool:
        """Whether a peer could help."""
        return self.loaded and not (self.record.complete or self.has_wanted_files or self.halted)

    @property
    def wants_slot(self) -> bool:
        """Whether it could run if no other download had precedence."""
        begun = self.placed and not self.verifying and not self.record.complete
        idle = bool(self.error) or self.has_wanted_files or self.record.options.paused
        return begun and not idle and bool(self.peers)

    @property
    def wanted_verified(self) -> bool:
        """Whether libtorrent has verified everything wanted; the disk may not have it all yet."""
        status = self.status
        if status is None or not self.placed:
            return False
        if status.phase is Phase.FINISHED:
            # Nothing is wanted until libtorrent was told what to fetch.
            return 0 < status.wanted == status.wanted_done
        return status.phase is Phase.SEEDING

    @property
    def wanted_files(self) -> list[FileEntry]:
        """The wanted files, as far as they are known."""
        files = self.layout.files if self.layout else ()
        return [files[number] for number in self.wanted_numbers]

    @property
    def wanted_numbers(self) -> list[int]:
        """The numbers of the wanted files."""
        skipped = self.record.options.selection.skipped
        count = len(self.layout.files) if self.layout else 0
        return [number for number in range(count) if number not in skipped]

    @property
    def prepared(self) -> bool:
        """Whether everything is prepared that is needed before anything is fetched."""
        has_programs = bool(self.layout and self.layout.programs)
        ready = self.preparation.may_fetch(has_programs=has_programs)
        return ready and DiskJob.PREPARING not in self.jobs

    @property
    def holes_to_come(self) -> int:
        """The wanted bytes that will take no room, because they become holes."""
        if self.preparation.has_done(DiskStep.MAKE_HOLES):
            return 0
        return self.preparation.zeros.size(self.record.options.selection.skipped)

    @property
    def should_halt(self) -> bool:
        """Whether libtorrent is to have it paused."""
        if self.error or self.held_back:
            return True
        # Metadata is fetched in any case, and a user who asks for a check wants it now.
        return self.placed and not self.verifying and (self.record.options.paused or self.queued)

    @property
    def all_on_disk(self) -> bool:
        """Whether the disk has everything wanted, as far as is known."""
        return self.complete or (self.has_wanted_files and not self.error)

    def readable(self, number: int, done: int) -> int:
        """
        The bytes of a file that can be read from the disk for sure.

        :param number: of the file, counted from 0.
        :param done: the bytes of the file that libtorrent has verified.
        """
        if number in self.faulty:
            return 0
        if self.complete or number in self.written:
            return done
        assert self.layout is not None
        return min(done, max(0, self.layout.files[number].size - _BLOCK))

    @property
    def bytes_left(self) -> int:
        """The wanted bytes that are still to come, as far as is known."""
        if self.complete or self.layout is None:
            return 0
        status = self.status
        wanted = self.layout.wanted_size(self.record.options.selection)
        if status is None or not self.placed:
            return wanted
        return status.wanted - status.wanted_done if status.wanted else wanted

    def with_wanted(self, status: TorrentStatus, done: Sequence[int]) -> TorrentStatus:
        """
        Fill in the wanted bytes of a status before libtorrent knows what is wanted.

        :param done: the verified bytes of each file, by libtorrent's index, which counts padding
            and links, too.
        """
        if self.layout is None or not done:
            return status
        files, indexes, numbers = self.layout.files, self.layout.indexes, self.wanted_numbers
        return replace(
            status,
            wanted=sum(files[number].size for number in numbers),
            wanted_done=sum(done[indexes[number]] for number in numbers),
        )

    def update_status(self, status: TorrentStatus, now: float) -> bool:
        """
        Take a new status.

        :param now: seconds of the reactor.
        :returns: whether peers may have sent or received something.
        """
        before = self.status
        if before is None:
            self.unsaved = not self.record.complete
        elif (before.done, before.uploaded) != (status.done, status.uploaded):
            # Of a complete torrent libtorrent only counts the bytes again at each start.
            self.unsaved |= not self.record.complete or before.uploaded != status.uploaded
            if status.done > before.done and not self.verifying:
                self.unwritten = True
                self.retry_delay, self.active_at = 0.0, now
        self.status = self._with_rates(status, now)
        return status.peers > 0 and (before is None or _exchanged(before) != _exchanged(status))

    def _with_rates(self, status: TorrentStatus, now: float) -> TorrentStatus:
        """Show no rate once nothing moves: libtorrent's mean keeps falling for a minute."""
        before = self.status
        if before is not None and before.downloaded != status.downloaded:
            self.received_at = now
        if before is not None and before.uploaded != status.uploaded:
            self.sent_at = now
        return replace(
            status,
            download_rate=status.download_rate if now - self.received_at < _RATE_LASTS else 0,
            upload_rate=status.upload_rate if now - self.sent_at < _RATE_LASTS else 0,
        )

    def back_off(self, now: float, shortest: float) -> None:
        """
        Wait before the next try, longer each time.

        :param now: seconds of the reactor.
        :param shortest: seconds to wait at least; each further delay is twice as long, up to an
            hour.
        """
        self.retry_delay = min(max(2 * self.retry_delay, shortest), _LONGEST_DELAY)
        self.retry_at = now + self.retry_delay

    @property
    def snapshot(self) -> Torrent:
        """The torrent as the rest of the program sees it."""
        return Torrent(
            info_hash=self.record.info_hash,
            name=self.record.name,
            save_path=self.record.folder,
            state=self._state(),
            progress=self._progress(),
            complete=self.complete,
            files=self.layout.files if self.layout else None,
            error=self.error.text,
            trouble=replace(self.error, remedy=self._remedy()) if self.error else None,
            added=self.record.added,
            completed=self.record.completed,
            shared=self.record.shared,
            origin=self.record.origin,
            options=self.record.options,
            seal=self.record.seal,
        )

    def _remedy(self) -> Remedy | None:
        """What the user can do about the error."""
        reason, record = self.error.reason, self.record
        if reason is Reason.SENSELESS:
            return None
        gone = reason is Reason.MISSING
        if not record.complete or not (gone or reason is Reason.CHANGED):
            return Remedy.RECHECK
        if not record.shared:
            return Remedy.FETCH_AGAIN
        # If the only file is gone, nothing is left to share.
        alone = self.layout is None or len(self.layout.files) == 1
        return Remedy.RECHECK if gone and alone else Remedy.SHARE_AGAIN

    def _state(self) -> TorrentState:
        if self.error:
            return TorrentState.ERROR
        if self.record.options.paused and not self.verifying:
            return TorrentState.PAUSED
        if self.complete:
            return TorrentState.SEEDING
        if self.layout is None:
            return TorrentState.METADATA
        return self._fetching_state()

    def _fetching_state(self) -> TorrentState:
        checking = self.status is None or self.status.phase is Phase.CHECKING
        if checking or not self.placed:
            return TorrentState.CHECKING
        if self.queued:
            return TorrentState.QUEUED
        # Until the disk has the last byte, it is still downloading.
        return TorrentState.FINISHED if self.has_wanted_files else TorrentState.DOWNLOADING

    def _progress(self) -> Progress:
        total = self.layout.total_size if self.layout else 0
        status = self.status
        if status is None:
            return Progress(done=total if self.complete else 0, total=total, left=self.bytes_left)
        # Before the torrent is placed, what lies under its name may not be ours.
        done = min(status.done, total) if self.placed else 0
        doubtful = min(done, self._doubtful())
        return Progress(
            done=total if self.complete else done - doubtful,
            total=total,
            # The last status may be from before the halt; and its rate is a mean over some seconds,
            # which lasts as long after the last byte.
            download_rate=0 if self.halted or not self.bytes_left else status.download_rate,
            upload_rate=0 if self.halted else status.upload_rate,
            peers=0 if self.halted else status.peers,
            uploaded=status.uploaded,
            left=self.bytes_left + doubtful,
        )

    def _doubtful(self) -> int:
        """The bytes that libtorrent has verified, and that the disk may not have."""
        if self.all_on_disk:
            return 0
        files = self.layout.files if self.layout else ()
        gone = sum(files[number].size for number in self.faulty)
        # While other bytes are to come, no reader takes the torrent for complete.
        last = _BLOCK if (self.unwritten or self.error) and not self.bytes_left else 0
        return max(gone, last)


def _exchanged(status: TorrentStatus) -> tuple[int, int, int]:
    # libtorrent sums the bytes only once a second, but counts pieces at once.
    return status.done, status.downloaded, status.uploaded

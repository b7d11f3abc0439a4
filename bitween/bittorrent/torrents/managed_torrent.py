"""One of our torrents, with what the swarm knows of it beyond what it tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from twisted.logger import Logger

from bitween.bittorrent.engine.alerts import Phase, TorrentStatus
from bitween.bittorrent.files.disk import NO_NEED, Need
from bitween.bittorrent.files.holes import NO_ZEROS, Zeros
from bitween.bittorrent.files.layout import Layout
from bitween.bittorrent.torrents.stage import LOADED, UNVERIFIED, Input, Job, Stage, next_stage
from bitween.model.address import PeerAddress
from bitween.model.torrent import FileEntry, Progress, Torrent, TorrentState
from bitween.model.torrent_error import NO_TROUBLE, Reason, Remedy, TorrentError
from bitween.storage.torrent_record import TorrentRecord

_log = Logger()

_LONGEST_PATIENCE = 3600.0
# Seconds after the last byte for which there is a rate.
_RATE_LASTS = 2.5
# What is not counted until the disk has everything: libtorrent writes blocks of this many bytes.
_BLOCK = 2**14


@dataclass(eq=False, slots=True)
class ManagedTorrent:
    """
    A torrent of ours.

    :param record: as it is stored.
    :param layout: its files; ``None`` until the metadata is known.
    :param intact: whether the files of a complete torrent still look as they should.
    :param stage: see :mod:`bitween.bittorrent.torrents.stage`.
    :param jobs: what is being done for it in slices.
    :param status: what libtorrent last said of it, since it was loaded.
    :param peers: the addresses last offered, best first.
    :param dialled: those that libtorrent was told of, since it was loaded.
    :param error: why it stands still.
    :param unwritten: whether libtorrent may have verified bytes that the disk does not have.
    :param written: the numbers of the files that are known to be whole on the disk, of a torrent
        that is not.
    :param need: what it still took of its disk when it was last looked at.
    :param zeros: the pieces of zeros that its files are to keep as holes.
    :param hollow: whether those holes are still to be made, before anything is fetched.
    :param holes: the pieces that are on the disk as holes, and libtorrent does not know of yet.
    :param plain: whether its programs are made, so that libtorrent does not make them executable.
    :param clear: whether nothing of the user's was seen where a file that is wanted is to lie.
    :param names_kept: whether there are files at the names of all that are wanted.
    :param fetching: whether libtorrent was told what to fetch, since it was loaded.
    :param cleared: whether it is to be fetched when it is loaded the next time, for it had room.
    :param faulty: the numbers of the files that are missing or changed, as last seen.
    :param moved: whether there is progress that is not in the database.
    :param seen: the stamp of the files of a complete torrent when they were last looked at.
    :param refused: the stamp with which they turned out to be others than they should.
    :param retry_at: when to try again after an error, seconds of the reactor.
    :param patience: how long it was waited for that, seconds.
    :param queued: whether it waits for other downloads to be done.
    :param held_back: whether its peers sent too much wrong metadata; see ``MetadataGuard``.
    :param halted: whether libtorrent was told to do nothing with it.
    :param loaded_idle: whether libtorrent was to fetch nothing of it when it was loaded.
    :param busy_at: when it last made progress or was let begin, seconds of the reactor.
    :param got_at: when its last bytes came.
    :param gave_at: when its last bytes went.
    """

    record: TorrentRecord
    layout: Layout | None = None
    intact: bool = True
    stage: Stage = Stage.UNLOADED
    jobs: set[Job] = field(default_factory=set)
    status: TorrentStatus | None = None
    peers: tuple[PeerAddress, ...] = ()
    dialled: tuple[PeerAddress, ...] = ()
    error: TorrentError = NO_TROUBLE
    unwritten: bool = True
    written: set[int] = field(default_factory=set)
    need: Need = NO_NEED
    zeros: Zeros = NO_ZEROS
    hollow: bool = False
    holes: tuple[range, ...] = ()
    plain: bool = False
    clear: bool = False
    names_kept: bool = False
    fetching: bool = False
    cleared: bool = False
    faulty: frozenset[int] = frozenset()
    moved: bool = False
    seen: str = ""
    refused: str = ""
    retry_at: float = 0.0
    patience: float = 0.0
    queued: bool = False
    held_back: bool = False
    halted: bool = False
    loaded_idle: bool = False
    busy_at: float = 0.0
    got_at: float = -math.inf
    gave_at: float = -math.inf

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
        """Whether it is decided under which name it lies on the disk."""
        return self.record.root is not None

    @property
    def complete(self) -> bool:
        """Whether every byte is verified and on the disk, as far as one can tell."""
        return self.record.complete and self.intact and not self.error

    @property
    def wants_peers(self) -> bool:
        """Whether connecting to somebody could help."""
        return self.loaded and not (self.record.complete or self.has_wanted_files or self.halted)

    @property
    def wants_slot(self) -> bool:
        """Whether it could go on, if no other download went before it."""
        begun = self.placed and not self.verifying and not self.record.complete
        idle = bool(self.error) or self.has_wanted_files or self.record.options.paused
        return begun and not idle and bool(self.peers)

    @property
    def has_all_wanted(self) -> bool:
        """Whether libtorrent has everything that it is to fetch, not all on the disk perhaps."""
        status = self.status
        if status is None or not self.placed:
            return False
        if status.phase is Phase.FINISHED:
            # Nothing is wanted until libtorrent has heard what is.
            return 0 < status.wanted == status.wanted_done
        return status.phase is Phase.SEEDING

    @property
    def wanted_files(self) -> list[FileEntry]:
        """The files that are to be there in the end, as far as they are known."""
        files = self.layout.files if self.layout else ()
        return [files[number] for number in self.wanted_numbers]

    @property
    def wanted_numbers(self) -> list[int]:
        """Their places among all files."""
        skipped = self.record.options.selection.skipped
        count = len(self.layout.files) if self.layout else 0
        return [number for number in range(count) if number not in skipped]

    @property
    def ready(self) -> bool:
        """Whether everything is seen to that has to be before anything is fetched."""
        programs = self.layout.programs if self.layout else ()
        made = not (self.hollow or (programs and not self.plain))
        return self.clear and made and Job.PREPARING not in self.jobs

    @property
    def holes_to_come(self) -> int:
        """The bytes that take no room when they are wanted, for they become holes."""
        return self.zeros.size(self.record.options.selection.skipped) if self.hollow else 0

    @property
    def should_halt(self) -> bool:
        """Whether libtorrent is to do nothing with it."""
        if self.error or self.held_back:
            return True
        # The list of its files is wanted in any case, and whoever asks for a check wants it now.
        return self.placed and not self.verifying and (self.record.options.paused or self.queued)

    @property
    def settled(self) -> bool:
        """Whether everything that is wanted is on the disk, as far as one can tell."""
        return self.complete or (self.has_wanted_files and not self.error)

    def readable(self, number: int, done: int) -> int:
        """
        How much of the bytes of a file can be counted on.

        :param done: those that libtorrent has verified.
        """
        if number in self.faulty:
            return 0
        if self.complete or number in self.written:
            return done
        assert self.layout is not None
        return min(done, max(0, self.layout.files[number].size - _BLOCK))

    @property
    def left(self) -> int:
        """The bytes that are wanted and still to come, as far as that is known."""
        if self.complete or self.layout is None:
            return 0
        status = self.status
        wanted = self.layout.wanted_size(self.record.options.selection)
        if status is None or not self.placed:
            return wanted
        return status.wanted - status.wanted_done if status.wanted else wanted

    def count(self, status: TorrentStatus, done: Sequence[int]) -> TorrentStatus:
        """
        Put into a status what is wanted, where libtorrent does not know it yet.

        :param done: the verified bytes of each file.
        """
        if self.layout is None or not done:
            return status
        files, numbers = self.layout.files, self.wanted_numbers
        return replace(
            status,
            wanted=sum(files[number].size for number in numbers),
            wanted_done=sum(done[number] for number in numbers),
        )

    def take(self, status: TorrentStatus, now: float) -> bool:
        """
        Take over what libtorrent says now.

        :returns: whether peers may have brought or taken something.
        """
        before = self.status
        if before is None:
            self.moved = not self.record.complete
        elif (before.done, before.uploaded) != (status.done, status.uploaded):
            # What is complete is known to be: libtorrent only counts it again at each start.
            self.moved |= not self.record.complete or before.uploaded != status.uploaded
            if status.done > before.done and not self.verifying:
                self.unwritten = True
                self.patience, self.busy_at = 0.0, now
        self.status = self._with_rates(status, now)
        return status.peers > 0 and (before is None or _exchanged(before) != _exchanged(status))

    def _with_rates(self, status: TorrentStatus, now: float) -> TorrentStatus:
        """Tell no rate once nothing moves: libtorrent's mean goes on falling for a minute."""
        before = self.status
        if before is not None and before.downloaded != status.downloaded:
            self.got_at = now
        if before is not None and before.uploaded != status.uploaded:
            self.gave_at = now
        return replace(
            status,
            download_rate=status.download_rate if now - self.got_at < _RATE_LASTS else 0,
            upload_rate=status.upload_rate if now - self.gave_at < _RATE_LASTS else 0,
        )

    def put_off(self, now: float, shortest: float) -> None:
        """Wait before trying again, longer each time that it did not help."""
        self.patience = min(max(2 * self.patience, shortest), _LONGEST_PATIENCE)
        self.retry_at = now + self.patience

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
        )

    def _remedy(self) -> Remedy | None:
        """What would help."""
        reason, record = self.error.reason, self.record
        if reason is Reason.SENSELESS:
            return None
        gone = reason is Reason.MISSING
        if not record.complete or not (gone or reason is Reason.CHANGED):
            return Remedy.RECHECK
        if not record.shared:
            return Remedy.FETCH_AGAIN
        # Of a single file that is gone, nothing is left to share.
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
        # Between the last byte and the moment at which the disk has it, it is still downloading.
        return TorrentState.FINISHED if self.has_wanted_files else TorrentState.DOWNLOADING

    def _progress(self) -> Progress:
        total = self.layout.total_size if self.layout else 0
        status = self.status
        if status is None:
            return Progress(done=total if self.complete else 0, total=total, left=self.left)
        # What lies under a name that may not be kept is not ours yet.
        done = min(status.done, total) if self.placed else 0
        doubtful = min(done, self._doubtful())
        return Progress(
            done=total if self.complete else done - doubtful,
            total=total,
            # What was said last may be from before it was halted; and it is a mean of some seconds,
            # which goes on for as long after the last byte.
            download_rate=0 if self.halted or not self.left else status.download_rate,
            upload_rate=0 if self.halted else status.upload_rate,
            peers=0 if self.halted else status.peers,
            uploaded=status.uploaded,
            left=self.left + doubtful,
        )

    def _doubtful(self) -> int:
        """The bytes that libtorrent has verified, and that the disk does not have or may not."""
        if self.settled:
            return 0
        files = self.layout.files if self.layout else ()
        gone = sum(files[number].size for number in self.faulty)
        # While more is to come than that, nobody takes it for whole.
        last = _BLOCK if (self.unwritten or self.error) and not self.left else 0
        return max(gone, last)


def _exchanged(status: TorrentStatus) -> tuple[int, int, int]:
    # libtorrent sums up the bytes only once a second, but knows of pieces at once.
    return status.done, status.downloaded, status.uploaded

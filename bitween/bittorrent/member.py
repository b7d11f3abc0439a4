"""One of our torrents, with what the swarm knows of it beyond what it tells."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.bittorrent.alerts import Phase, Status
from bitween.bittorrent.layout import Layout
from bitween.bittorrent.store import TorrentRecord
from bitween.model.address import PeerAddress
from bitween.model.torrent import Progress, Torrent, TorrentState

_LONGEST_PATIENCE = 3600.0


@dataclass(eq=False, slots=True)
class Member:
    """
    A torrent of ours.

    :param record: as it is stored.
    :param layout: its files; ``None`` until the metadata is known.
    :param intact: whether the files of a complete torrent still look as they should.
    :param loaded: whether it is in the session.
    :param status: what libtorrent last said of it, since it was loaded.
    :param peers: the addresses last offered, best first.
    :param dialled: those that libtorrent was told of, since it was loaded.
    :param error: why it stands still, in words; empty if nothing is wrong.
    :param flushes_due: how many times it is still to be told that the disk has everything, before
        that is believed.
    :param moved: whether there is progress that is not in the store.
    :param verifying: whether libtorrent has yet to compare what lies on the disk with the hashes.
    :param seen: the stamp of the files of a complete torrent when they were last looked at.
    :param refused: the stamp with which they turned out to be others than they should.
    :param retry_at: when to try again after an error, seconds of the reactor.
    :param patience: how long it was waited for that, seconds.
    """

    record: TorrentRecord
    layout: Layout | None = None
    intact: bool = True
    loaded: bool = False
    status: Status | None = None
    peers: tuple[PeerAddress, ...] = ()
    dialled: tuple[PeerAddress, ...] = ()
    error: str = ""
    flushes_due: int = 0
    moved: bool = False
    verifying: bool = False
    seen: str = ""
    refused: str = ""
    retry_at: float = 0.0
    patience: float = 0.0

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
        return self.loaded and not self.record.complete and not self.error

    def take(self, status: Status) -> None:
        """Take over what libtorrent says now."""
        before = self.status
        if before is None:
            self.moved = not self.record.complete
        elif (before.done, before.uploaded) != (status.done, status.uploaded):
            self.moved = True
            if status.done > before.done and not self.verifying:
                self.patience = 0.0
        self.status = status

    def put_off(self, now: float, shortest: float) -> None:
        """Wait before trying again, longer each time that it did not help."""
        self.patience = min(max(2 * self.patience, shortest), _LONGEST_PATIENCE)
        self.retry_at = now + self.patience

    @property
    def torrent(self) -> Torrent:
        """What there is to tell."""
        return Torrent(
            info_hash=self.record.info_hash,
            name=self.record.name,
            save_path=self.record.folder,
            state=self._state(),
            progress=self._progress(),
            complete=self.complete,
            files=self.layout.files if self.layout else None,
            error=self.error,
            added=self.record.added,
        )

    def _state(self) -> TorrentState:
        if self.error:
            return TorrentState.ERROR
        if self.complete:
            return TorrentState.SEEDING
        if self.layout is None:
            return TorrentState.METADATA
        # Between the last byte and the moment at which the disk has it, it is still downloading.
        fetching = self.status is not None and self.status.phase is not Phase.CHECKING
        return TorrentState.DOWNLOADING if self.placed and fetching else TorrentState.CHECKING

    def _progress(self) -> Progress:
        total = self.layout.total_size if self.layout else 0
        status = self.status
        if status is None:
            return Progress(done=total if self.complete else 0, total=total)
        # What lies under a name that may not be kept is not ours yet.
        done = status.done if self.placed else 0
        return Progress(
            done=total if self.complete else min(done, total),
            total=total,
            download_rate=status.download_rate,
            upload_rate=status.upload_rate,
            peers=status.peers,
            uploaded=status.uploaded,
        )

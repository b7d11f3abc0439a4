"""The one gate before anything is fetched: whether the disk takes it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bitween.bittorrent.engine.alerts import Phase
from bitween.bittorrent.files.disk import NO_NEED, Need, device, filled, obstacle
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.model.torrent_error import TorrentError

# What a disk takes for a file that is begun, or a folder.
_ENTRY = 4096


class SpaceCheck:
    """
    Compares what downloads still need with what their disks have.

    Whatever leads to it (a start, a check, another choice of files, a place in the queue), nothing
    is fetched while :meth:`hindrance` says why not.
    """

    def __init__(self, registry: TorrentRegistry, state_dir: str) -> None:
        """:param state_dir: what lies there is to find room always."""
        self._registry = registry
        self._state_dir = state_dir

    def hindrance(self, torrent: ManagedTorrent) -> TorrentError:
        """Why a download cannot be written, if that is to be seen."""
        folder = torrent.record.folder
        disk = device(folder)
        coming = self._coming(disk, torrent)
        return obstacle(folder, needed(torrent), coming, holds_state=self._holds_state(disk))

    def shortage(self, torrent: ManagedTorrent) -> TorrentError:
        """What is wrong if a disk is fuller than it should ever be, whatever filled it."""
        folder = torrent.record.folder
        return filled(folder, holds_state=self._holds_state(device(folder)))

    def coming(self, folder: str) -> int:
        """The bytes that are still to come to the disk of a folder."""
        return self._coming(device(folder), None)

    def _coming(self, disk: int | None, but: ManagedTorrent | None) -> int:
        return sum(needed(torrent).size for torrent in self._running(disk) if torrent is not but)

    def _running(self, disk: int | None) -> Iterator[ManagedTorrent]:
        disks: dict[str, int | None] = {}
        for torrent in self._registry:
            if torrent.record.complete or not torrent.placed or torrent.should_halt:
                continue
            folder = torrent.record.folder
            if folder not in disks:
                disks[folder] = device(folder)
            if disks[folder] == disk:
                yield torrent

    def _holds_state(self, disk: int | None) -> bool:
        return disk is not None and disk == device(self._state_dir)


def needed(torrent: ManagedTorrent) -> Need:
    """What a download still takes of its disk."""
    status, layout = torrent.status, torrent.layout
    if layout is None or not torrent.placed:
        return NO_NEED
    if status is None or status.phase in (Phase.METADATA, Phase.CHECKING) or torrent.verifying:
        # Until it is known what of it is right, what lies there already takes no more room.
        return torrent.need
    whole = layout.wanted_size(torrent.record.options.selection)
    left = max(0, torrent.left - torrent.holes_to_come)
    entries = torrent.need.entries * left // max(1, whole)
    return Need(left + entries * _ENTRY, entries)


def whole_need(torrent: ManagedTorrent) -> Need:
    """What a download takes of which nothing is there."""
    layout = torrent.layout
    if layout is None:
        return NO_NEED
    skipped = torrent.record.options.selection.skipped
    sizes = [file.size for number, file in enumerate(layout.files) if number not in skipped]
    entries = len(sizes) + layout.folders
    return Need(sum(sizes) - torrent.holes_to_come + entries * _ENTRY, entries)


def measuring(torrent: ManagedTorrent) -> Iterator[None]:
    """Find out what a download still takes by what lies there, one file a step."""
    folder, root = torrent.record.folder, torrent.record.root
    if torrent.layout is None or root is None:
        return
    need = whole_need(torrent)
    if os.path.lexists(os.path.join(folder, root)):
        size, entries = need.size, need.entries
        skipped = torrent.record.options.selection.skipped
        for number, file in enumerate(torrent.layout.files):
            found = None if number in skipped else _stat(os.path.join(folder, file.path))
            if found is not None:
                # Blocks of 512 bytes, whatever the file system has (stat(2)).
                there = found.st_blocks * 512
                if found.st_size == file.size:
                    there += torrent.zeros.sizes.get(number, 0)
                entries -= 1
                size -= _ENTRY + min(file.size, there)
            yield
        need = Need(max(0, size), entries)
    torrent.need = need


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None

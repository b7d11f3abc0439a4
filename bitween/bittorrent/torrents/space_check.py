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

    def __init__(self, members: TorrentRegistry, state_dir: str) -> None:
        """:param state_dir: what lies there is to find room always."""
        self._members = members
        self._state_dir = state_dir

    def hindrance(self, member: ManagedTorrent) -> TorrentError:
        """Why a download cannot be written, if that is to be seen."""
        folder = member.record.folder
        disk = device(folder)
        coming = self._coming(disk, member)
        return obstacle(folder, needed(member), coming, holds_state=self._holds_state(disk))

    def shortage(self, member: ManagedTorrent) -> TorrentError:
        """What is wrong if a disk is fuller than it should ever be, whatever filled it."""
        folder = member.record.folder
        return filled(folder, holds_state=self._holds_state(device(folder)))

    def coming(self, folder: str) -> int:
        """The bytes that are still to come to the disk of a folder."""
        return self._coming(device(folder), None)

    def _coming(self, disk: int | None, but: ManagedTorrent | None) -> int:
        return sum(needed(member).size for member in self._running(disk) if member is not but)

    def _running(self, disk: int | None) -> Iterator[ManagedTorrent]:
        disks: dict[str, int | None] = {}
        for member in self._members:
            if member.record.complete or not member.placed or member.stands:
                continue
            folder = member.record.folder
            if folder not in disks:
                disks[folder] = device(folder)
            if disks[folder] == disk:
                yield member

    def _holds_state(self, disk: int | None) -> bool:
        return disk is not None and disk == device(self._state_dir)


def needed(member: ManagedTorrent) -> Need:
    """What a download still takes of its disk."""
    status, layout = member.status, member.layout
    if layout is None or not member.placed:
        return NO_NEED
    if status is None or status.phase in (Phase.METADATA, Phase.CHECKING) or member.verifying:
        # Until it is known what of it is right, what lies there already takes no more room.
        return member.need
    whole = layout.wanted_size(member.record.wishes.selection)
    left = max(0, member.left - member.holes_to_come)
    entries = member.need.entries * left // max(1, whole)
    return Need(left + entries * _ENTRY, entries)


def whole_need(member: ManagedTorrent) -> Need:
    """What a download takes of which nothing is there."""
    layout = member.layout
    if layout is None:
        return NO_NEED
    skipped = member.record.wishes.selection.skipped
    sizes = [file.size for number, file in enumerate(layout.files) if number not in skipped]
    entries = len(sizes) + layout.folders
    return Need(sum(sizes) - member.holes_to_come + entries * _ENTRY, entries)


def measuring(member: ManagedTorrent) -> Iterator[None]:
    """Find out what a download still takes by what lies there, one file a step."""
    folder, root = member.record.folder, member.record.root
    if member.layout is None or root is None:
        return
    need = whole_need(member)
    if os.path.lexists(os.path.join(folder, root)):
        size, entries = need.size, need.entries
        skipped = member.record.wishes.selection.skipped
        for number, file in enumerate(member.layout.files):
            found = None if number in skipped else _stat(os.path.join(folder, file.path))
            if found is not None:
                # Blocks of 512 bytes, whatever the file system has (stat(2)).
                there = found.st_blocks * 512
                if found.st_size == file.size:
                    there += member.zeros.sizes.get(number, 0)
                entries -= 1
                size -= _ENTRY + min(file.size, there)
            yield
        need = Need(max(0, size), entries)
    member.need = need


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None

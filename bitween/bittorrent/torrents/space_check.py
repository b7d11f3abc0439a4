"""
Checks before anything is fetched whether the disk has room for it.

A download needs room for the bytes that are still to come, and for the files and folders that are
still to be made (:func:`needed`); the other downloads on the same disk need theirs, and a reserve
always stays free (:func:`bitween.model.disk_space.reserve`).  How much is still to come is known
from libtorrent's status, and before its check from measuring the files (:func:`measuring`).

``TorrentController`` and ``Loader`` ask :meth:`SpaceCheck.hindrance` before they let anything be
fetched; a timer asks :meth:`SpaceCheck.shortage` for running downloads, because other programs fill
disks, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from bitween.bittorrent.engine.alerts import Phase
from bitween.bittorrent.files.disk import NO_NEED, Need, device, filled, obstacle
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.model.torrent_error import TorrentError

# Bytes that a disk takes for a begun file, or a folder.
_ENTRY = 4096


class SpaceCheck:
    """Compares what downloads still need with what their disks have."""

    def __init__(self, registry: TorrentRegistry, state_dir: str) -> None:
        """:param state_dir: on its disk a larger reserve stays free."""
        self._registry = registry
        self._state_dir = state_dir

    def hindrance(self, torrent: ManagedTorrent) -> TorrentError:
        """Find out why a download cannot be written; false if it can."""
        folder = torrent.record.folder
        disk = device(folder)
        coming = self._coming(disk, torrent)
        return obstacle(folder, needed(torrent), coming, holds_state=self._holds_state(disk))

    def shortage(self, torrent: ManagedTorrent) -> TorrentError:
        """Find out whether the disk of a download is nearly full; false if it is not."""
        folder = torrent.record.folder
        return filled(folder, holds_state=self._holds_state(device(folder)))

    def coming(self, folder: str) -> int:
        """The bytes that downloads still bring to the disk of a folder."""
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
    """The room that a download still takes."""
    status, layout = torrent.status, torrent.layout
    if layout is None or not torrent.placed:
        return NO_NEED
    if status is None or status.phase in (Phase.METADATA, Phase.CHECKING) or torrent.verifying:
        # Until libtorrent has checked the files, what they occupy already counts as done.
        return torrent.need
    whole = layout.wanted_size(torrent.record.options.selection)
    left = max(0, torrent.bytes_left - torrent.holes_to_come)
    entries = torrent.need.entries * left // max(1, whole)
    return Need(left + entries * _ENTRY, entries)


def whole_need(torrent: ManagedTorrent) -> Need:
    """The room that a download takes of which nothing is on the disk."""
    layout = torrent.layout
    if layout is None:
        return NO_NEED
    skipped = torrent.record.options.selection.skipped
    sizes = [file.size for number, file in enumerate(layout.files) if number not in skipped]
    entries = len(sizes) + layout.folders
    return Need(sum(sizes) - torrent.holes_to_come + entries * _ENTRY, entries)


def measuring(torrent: ManagedTorrent) -> Iterator[None]:
    """Measure by its files how much room a download still takes, one file a step."""
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
                occupied = found.st_blocks * 512
                if found.st_size == file.size:
                    occupied += torrent.preparation.zeros.sizes.get(number, 0)
                entries -= 1
                size -= _ENTRY + min(file.size, occupied)
            yield
        need = Need(max(0, size), entries)
    torrent.need = need


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None

"""Our torrents by info-hash, and the events about them."""

from __future__ import annotations

from collections.abc import Iterator

from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.errors import UnknownTorrent
from bitween.model.events import (
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.library import Library
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable


class TorrentRegistry:
    """
    Our torrents, and an event for each change.

    :ivar library: their snapshots.
    :ivar events: what happens to them.
    :ivar loading: whether some stored torrents are not loaded yet; no event about shares is sent
        then, because it would look as if these were no longer shared.
    """

    def __init__(self) -> None:
        self.library = Library()
        self.events: Observable[SwarmEvent] = Observable()
        self.loading = False
        self._torrents: dict[InfoHash, ManagedTorrent] = {}
        self._shares_changed = False

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self._torrents

    def __iter__(self) -> Iterator[ManagedTorrent]:
        return iter(list(self._torrents.values()))

    def get(self, info_hash: InfoHash) -> ManagedTorrent | None:
        """The torrent with this info-hash; ``None`` if there is none."""
        return self._torrents.get(info_hash)

    def known(self, info_hash: InfoHash) -> ManagedTorrent:
        """
        The torrent with this info-hash.

        :raises UnknownTorrent: if there is none.
        """
        torrent = self._torrents.get(info_hash)
        if torrent is None:
            raise unknown(info_hash)
        return torrent

    def holds(self, torrent: ManagedTorrent) -> bool:
        """Whether a torrent is registered: any subscriber may have removed or replaced it."""
        return self._torrents.get(torrent.record.info_hash) is torrent

    def add(self, torrent: ManagedTorrent) -> None:
        """Register a torrent, in place of another with its info-hash; sends no event yet."""
        self._torrents[torrent.record.info_hash] = torrent

    def remove(self, torrent: ManagedTorrent) -> None:
        """Remove a torrent; sends no event yet."""
        info_hash = torrent.record.info_hash
        del self._torrents[info_hash]
        self._shares_changed |= self.library.remove(info_hash)

    def clear(self) -> None:
        """Remove all torrents; the library keeps its snapshots."""
        self._torrents.clear()

    def put(self, torrent: ManagedTorrent, new: bool = False) -> None:
        """
        Send an event if the snapshot of a torrent has changed.

        :param new: true to send ``TorrentAdded``.  If false, no event is sent for a torrent that
            the library does not have yet.
        """
        if not self.holds(torrent):
            return
        snapshot = torrent.snapshot
        known = snapshot.info_hash in self.library
        if known and self.library.get(snapshot.info_hash) == snapshot:
            return
        self._shares_changed |= self.library.put(snapshot)
        if new:
            self.events.notify(TorrentAdded(torrent=snapshot))
        elif known:
            self.events.notify(TorrentChanged(torrent=snapshot))

    def notify_finished(self, torrent: ManagedTorrent) -> None:
        """Send the event that the disk has everything wanted of a torrent."""
        self.put(torrent)
        if self.holds(torrent):
            self.events.notify(TorrentFinished(torrent=torrent.snapshot))

    def notify_removed(self, torrent: ManagedTorrent) -> None:
        """Send the event that a torrent is removed."""
        self.events.notify(
            TorrentRemoved(info_hash=torrent.record.info_hash, name=torrent.record.name)
        )

    def notify_shares(self) -> None:
        """Send one event for all changes of what we share since the last one."""
        if self._shares_changed and not self.loading:
            self._shares_changed = False
            self.events.notify(SharesChanged())


def unknown(info_hash: InfoHash) -> UnknownTorrent:
    """The error for an info-hash that no torrent has."""
    return UnknownTorrent(f"no torrent of ours has the hash {info_hash}")

"""Our torrents by info-hash, and telling what becomes of them."""

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
    Our torrents, of which everybody hears what is new.

    :ivar library: what there is to tell of them.
    :ivar events: what happens to them.
    :ivar loading: whether some that are stored are not loaded yet; nothing is told of shares then,
        for it would look as if they were shared no more.
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
        """The torrent with this info-hash, if it is ours."""
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
        """Whether a torrent is still ours: any subscriber may have had it removed or replaced."""
        return self._torrents.get(torrent.record.info_hash) is torrent

    def add(self, torrent: ManagedTorrent) -> None:
        """Take one in, in place of what was known by its info-hash; nothing is told yet."""
        self._torrents[torrent.record.info_hash] = torrent

    def remove(self, torrent: ManagedTorrent) -> None:
        """Have one be ours no more; nothing is told yet."""
        info_hash = torrent.record.info_hash
        del self._torrents[info_hash]
        self._shares_changed |= self.library.remove(info_hash)

    def clear(self) -> None:
        """Let go of all of them; the library stays as it is."""
        self._torrents.clear()

    def put(self, torrent: ManagedTorrent, new: bool = False) -> None:
        """Tell how a torrent is now, if that is another than before."""
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

    def tell_finished(self, torrent: ManagedTorrent) -> None:
        """Tell that all that is wanted of a torrent is here."""
        self.put(torrent)
        if self.holds(torrent):
            self.events.notify(TorrentFinished(torrent=torrent.snapshot))

    def tell_removed(self, torrent: ManagedTorrent) -> None:
        """Tell that a torrent is ours no more."""
        self.events.notify(
            TorrentRemoved(info_hash=torrent.record.info_hash, name=torrent.record.name)
        )

    def tell_shares(self) -> None:
        """Tell that what we share has changed, once for all that did since the last time."""
        if self._shares_changed and not self.loading:
            self._shares_changed = False
            self.events.notify(SharesChanged())


def unknown(info_hash: InfoHash) -> UnknownTorrent:
    """What to say where there is no such torrent."""
    return UnknownTorrent(f"no torrent of ours has the hash {info_hash}")

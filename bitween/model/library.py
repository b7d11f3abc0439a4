"""The library: the torrents that we share and those that we download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bitween.errors import UnknownTorrent
from bitween.model.announcement import Share
from bitween.model.seal import pack
from bitween.model.torrent import InfoHash, Torrent


class Library:
    """Our torrents by info-hash, and the share list that follows from them."""

    def __init__(self) -> None:
        self._torrents: dict[InfoHash, Torrent] = {}
        self._shares: dict[InfoHash, Share] = {}
        self._restricted: dict[InfoHash, Share] = {}
        self._ending: set[InfoHash] = set()

    def get(self, info_hash: InfoHash) -> Torrent:
        """
        The torrent with this info-hash.

        :raises UnknownTorrent: if there is none.
        """
        try:
            return self._torrents[info_hash]
        except KeyError:
            raise UnknownTorrent(f"no torrent of ours has the hash {info_hash}") from None

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self._torrents

    def __len__(self) -> int:
        return len(self._torrents)

    def __iter__(self) -> Iterator[Torrent]:
        return iter(list(self._torrents.values()))

    def put(self, torrent: Torrent) -> bool:
        """
        Add a torrent, or replace its state.

        :returns: whether what we announce changed.
        """
        self._torrents[torrent.info_hash] = torrent
        if torrent.options.access.expires is not None:
            self._ending.add(torrent.info_hash)
        else:
            self._ending.discard(torrent.info_hash)
        if not torrent.announceable:
            return self._drop_share(torrent.info_hash)
        is_open = torrent.options.access.is_open
        shares, others = self._shares, self._restricted
        if not is_open:
            shares, others = others, shares
        moved = others.pop(torrent.info_hash, None) is not None
        share = _share(torrent)
        if share == shares.get(torrent.info_hash):
            # The same object stays, so that comparing two lists of 10,000 shares is quick.
            return moved
        shares[torrent.info_hash] = share
        return True

    def remove(self, info_hash: InfoHash) -> bool:
        """
        Remove a torrent.

        :returns: whether what we announce changed.
        :raises UnknownTorrent: if there is no such torrent.
        """
        self.get(info_hash)
        del self._torrents[info_hash]
        self._ending.discard(info_hash)
        return self._drop_share(info_hash)

    def _drop_share(self, info_hash: InfoHash) -> bool:
        was_open = self._shares.pop(info_hash, None) is not None
        return self._restricted.pop(info_hash, None) is not None or was_open

    @property
    def shares(self) -> Mapping[InfoHash, Share]:
        """What we announce to everybody in the roster: a view, oldest first."""
        return MappingProxyType(self._shares)

    @property
    def ending(self) -> list[Torrent]:
        """The torrents to which the access ends at some time."""
        return [self._torrents[info_hash] for info_hash in self._ending]

    @property
    def restricted(self) -> Mapping[InfoHash, Share]:
        """What only some may see: a view, oldest first."""
        return MappingProxyType(self._restricted)


def _share(torrent: Torrent) -> Share:
    annotation = torrent.options.annotation
    seal = pack(torrent.seal) if torrent.seal else b""
    return Share(torrent.info_hash, torrent.name, torrent.progress.total, annotation, seal=seal)

"""What a call to the catalogue returns: what changed, and what it knows of a device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.torrent import InfoHash

#: Bare JID and resource: they name a device.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Holding:
    """
    A share that one device of a contact lists.

    :param private: whether it is in the list that the device keeps for us alone, which is never
        stored.
    """

    jid: str
    resource: str
    share: Share
    private: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """
    A device that is online and has a torrent.

    :param addresses: those to dial.
    """

    jid: str
    resource: str
    addresses: tuple[PeerAddress, ...]


@dataclass(frozen=True, slots=True)
class Presence:
    """A device of a contact that came online or went offline."""

    jid: str
    resource: str
    online: bool


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """
    What is stored of a device besides its shares, so that it outlives a restart.

    :param item_id: the PEP item that the announcement came in.
    :param announcement: without the shares.
    :param last_seen: seconds since the epoch.
    :param forgotten: the fingerprint of an announcement to ignore; empty if there is none.
    """

    jid: str
    item_id: str
    announcement: Announcement
    last_seen: float
    forgotten: str = ""


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """
    What a call to the catalogue changed.

    :param appeared: shares that a device did not list before.
    :param gone: shares that a device no longer lists.
    :param redialled: torrents whose addresses to dial have changed, or of which more is known.
    :param presences: devices that came online or went offline.
    :param records: what to store of devices from now on; ``None`` to delete what is stored.
    """

    appeared: tuple[Holding, ...] = ()
    gone: tuple[Holding, ...] = ()
    redialled: frozenset[InfoHash] = frozenset()
    presences: tuple[Presence, ...] = ()
    records: Mapping[Key, ResourceRecord | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.appeared or self.gone or self.redialled or self.presences)

    def __or__(self, other: CatalogueChange) -> CatalogueChange:
        return CatalogueChange(
            self.appeared + other.appeared,
            self.gone + other.gone,
            self.redialled | other.redialled,
            self.presences + other.presences,
            {**self.records, **other.records},
        )


def combined(changes: Iterable[CatalogueChange]) -> CatalogueChange:
    """Make one change of many, each of another part of the catalogue."""
    every = list(changes)
    records: dict[Key, ResourceRecord | None] = {}
    for change in every:
        records.update(change.records)
    return CatalogueChange(
        tuple(holding for change in every for holding in change.appeared),
        tuple(holding for change in every for holding in change.gone),
        frozenset().union(*(change.redialled for change in every)),
        tuple(presence for change in every for presence in change.presences),
        records,
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """
    One device of a contact as the catalogue knows it.

    :param announcement: a view; it always holds the current shares, also those that are for us
        alone.
    :param size: bytes of all its shares.
    :param last_seen: seconds since the epoch; the current time if it is online.
    """

    announcement: Announcement
    size: int
    online: bool
    last_seen: float = 0.0

"""What happened: the events that the parts of bitween hand up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitween.model.announcement import Announcement, ListPage
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.route import Route
from bitween.model.torrent import InfoHash, Torrent

# ---- the swarm


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentAdded:
    """A torrent is new in the library."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentChanged:
    """A torrent's state or progress is another than before."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentFinished:
    """Every byte that is wanted of a download is verified and on the disk."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentRemoved:
    """A torrent has left the library."""

    info_hash: InfoHash
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesChanged:
    """What we announce is another than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMoved:
    """
    Content was exchanged with a peer.

    :param address: an IP address.
    :param port: where it listens; ``None`` where it dialled us.
    :param downloaded: bytes that came since this was last told.
    :param uploaded: the same for the other direction.
    """

    address: str
    port: int | None
    downloaded: int
    uploaded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningChanged:
    """The BitTorrent listen sockets or the port mapping changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConnected:
    """A connection to a peer was made, by either side; nothing was said over it yet."""

    address: str
    port: int


SwarmEvent = (
    TorrentAdded
    | TorrentChanged
    | TorrentFinished
    | TorrentRemoved
    | SharesChanged
    | PeerMoved
    | ListeningChanged
    | PeerConnected
)

# ---- XMPP


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged:
    """The connection to the XMPP server stands elsewhere than before."""

    status: ConnectionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPublished:
    """A contact, or another resource of ours, published a PEP item."""

    jid: str
    item_id: str
    announcements: Sequence[Announcement]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRetracted:
    """A contact, or another resource of ours, took back a PEP item."""

    jid: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsRead:
    """All items of a contact's node, by item id, as they stand now."""

    jid: str
    items: Mapping[str, Sequence[Announcement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingReceived:
    """A resource gave a part of its share list."""

    jid: str
    resource: str
    page: ListPage


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged:
    """A resource of a contact, or another one of ours, came or went."""

    jid: str
    resource: str
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRepeated:
    """
    A resource that was there has sent its presence again.

    It may have died and be back before its server noticed.
    """

    jid: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged:
    """A roster entry or a subscription request is new or another than before."""

    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved:
    """Somebody is in the roster no longer."""

    jid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRead:
    """
    The whole roster is known, before anybody's presence is.

    :param trusted: the bare JIDs whose word counts, our own among them.
    """

    trusted: frozenset[str]


MessengerEvent = (
    ConnectionChanged
    | ItemPublished
    | ItemRetracted
    | ItemsRead
    | ListingReceived
    | PresenceChanged
    | PresenceRepeated
    | ContactChanged
    | ContactRemoved
    | RosterRead
)

# ---- connecting


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFound:
    """It is known how a resource of a contact is reached, or that it is not."""

    jid: str
    resource: str
    route: Route

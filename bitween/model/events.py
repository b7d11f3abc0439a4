"""The events that the parts of bitween report to the application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitween.model.announcement import Announcement, ListPage
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.route import Route
from bitween.model.torrent import InfoHash, Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentAdded:
    """A torrent is new in the library."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentChanged:
    """The state or progress of a torrent has changed."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentFinished:
    """Every wanted byte of a download is verified and on the disk."""

    torrent: Torrent


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentRemoved:
    """A torrent has left the library."""

    info_hash: InfoHash
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesChanged:
    """The shares that we announce have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMoved:
    """
    Content was exchanged with a peer.

    :param address: an IP address.
    :param port: the port that it listens on; ``None`` if it dialled us.
    :param downloaded: bytes that arrived since the last such event.
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
    """A peer is connected, whichever side dialled; no data was exchanged yet."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged:
    """The state of the connection to the XMPP server has changed."""

    status: ConnectionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPublished:
    """A contact, or another device of our account, published a PEP item."""

    jid: str
    item_id: str
    announcements: Sequence[Announcement]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRetracted:
    """A contact, or another device of our account, retracted a PEP item."""

    jid: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsRead:
    """
    All current items of a contact's node were read, by item id.

    :param refused: the ids of items that are forged or replayed: what they announced before stays.
    """

    jid: str
    items: Mapping[str, Sequence[Announcement]]
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingReceived:
    """A device sent a page of its share list."""

    jid: str
    resource: str
    page: ListPage


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateListingReceived:
    """A device sent a page of the list that it keeps for us alone."""

    jid: str
    resource: str
    page: ListPage


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged:
    """A device of a contact, or another one of our account, came online or went offline."""

    jid: str
    resource: str
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRepeated:
    """
    A device that was online has sent its presence again.

    It may have crashed and come back before its server noticed.
    """

    jid: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged:
    """A roster entry or a subscription request is new or has changed."""

    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved:
    """A contact is no longer in the roster."""

    jid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRead:
    """
    The whole roster is known; no presence is known yet.

    :param trusted: the bare JIDs whose announcements count, including our own.
    """

    trusted: frozenset[str]


MessengerEvent = (
    ConnectionChanged
    | ItemPublished
    | ItemRetracted
    | ItemsRead
    | ListingReceived
    | PrivateListingReceived
    | PresenceChanged
    | PresenceRepeated
    | ContactChanged
    | ContactRemoved
    | RosterRead
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFound:
    """It is known by which route a contact's device is reached, or that there is none."""

    jid: str
    resource: str
    route: Route

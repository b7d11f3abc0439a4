"""The devices of contacts, each with the announcement in force and its shares."""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bitween.model.address import PeerAddress
from bitween.model.annotation import NO_ANNOTATION
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue.changes import ResourceRecord
from bitween.model.catalogue.query import NameText
from bitween.model.torrent import InfoHash

#: The most devices of a contact that count; one with more is faulty or hostile.
MAX_RESOURCES = 64


class Device:
    """
    One resource of a contact, with its list.

    A resource may have a second list, which it keeps for us alone: that is a ``Device`` of its own,
    without an item, addresses or a record, and online as long as it exists.

    :ivar private: whether this is the list that the resource keeps for us alone.
    :ivar announcement: the announcement in force; its shares are a view of :attr:`shares`.
    :ivar last_seen: seconds since the epoch.
    :ivar size: bytes of all shares.
    :ivar annotated: how many shares have a note or tags.
    :ivar alone: the holders of a torrent that only this device has: one object for all of these.
    :ivar common: its torrents that other devices have, too.
    """

    def __init__(
        self, jid: str, item_id: str, announcement: Announcement, *, private: bool = False
    ) -> None:
        self.jid = jid
        self.private = private
        self.resource = announcement.resource
        self.item_id = item_id
        self.online = private
        self.last_seen = 0.0
        self.shares: dict[InfoHash, Share] = {}
        self.size = self.annotated = 0
        self.alone = (self,)
        self.common: set[InfoHash] = set()
        self._names: NameText | None = None
        self.set_announcement(announcement)

    def set_announcement(self, announcement: Announcement) -> None:
        """Replace the announcement; the shares stay."""
        self.announcement = replace(announcement, shares=MappingProxyType(self.shares))

    def sort(self, order: Iterable[InfoHash]) -> None:
        """
        Put the shares in the order of the torrents given.

        :param order: all torrents of the device; those that it does not have are ignored.
        """
        self.shares = {key: self.shares[key] for key in order if key in self.shares}
        self.set_announcement(self.announcement)
        self._names = None

    def add(self, share: Share) -> None:
        """Add a share that it does not have."""
        self.shares[share.info_hash] = share
        self.size += share.size
        if share.annotation is not NO_ANNOTATION:
            self.annotated += bool(share.annotation)
        self._names = None

    def discard(self, info_hash: InfoHash) -> None:
        """Remove a share that it has."""
        share = self.shares.pop(info_hash)
        self.size -= share.size
        if share.annotation is not NO_ANNOTATION:
            self.annotated -= bool(share.annotation)
        self.common.discard(info_hash)
        self._names = None

    def names(self) -> NameText:
        """The names of the current shares, as a search reads them."""
        if self._names is None:
            self._names = NameText(self.shares.values())
        return self._names

    def record(self) -> ResourceRecord:
        """What to store of it."""
        announcement = replace(self.announcement, shares=MappingProxyType({}))
        return ResourceRecord(self.jid, self.item_id, announcement, self.last_seen)


@dataclass
class ContactDevices:
    """
    The devices of one contact, by resource.

    :ivar devices: those that have announced something.
    :ivar private: the lists that devices keep for us alone; only of devices that are online.
    :ivar online: those that are online, with or without an announcement.
    :ivar forgotten: the fingerprint of the announcement that a forgotten device had.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    private: dict[str, Device] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    forgotten: dict[str, str] = field(default_factory=dict)

    def lists(self) -> Iterator[Device]:
        """All lists of the contact, the private ones too."""
        yield from self.devices.values()
        yield from self.private.values()

    def lists_of(self, resource: str) -> list[Device]:
        """The lists of one resource: the one for all contacts first, then the private one."""
        lists = (self.devices.get(resource), self.private.get(resource))
        return [device for device in lists if device is not None]

    def whole(self, resource: str) -> tuple[Announcement, int]:
        """What a resource announces in both of its lists, and the bytes of its shares."""
        device, private = self.devices[resource], self.private.get(resource)
        if private is None or not private.shares:
            return device.announcement, device.size
        shares = ChainMap(device.shares, private.shares)
        twice = device.shares.keys() & private.shares.keys()
        size = device.size + private.size - sum(private.shares[key].size for key in twice)
        return replace(device.announcement, shares=MappingProxyType(shares)), size

    def announced_in(self, item_id: str) -> set[str]:
        """The resources that a PEP item has announced."""
        return {r for r, device in self.devices.items() if device.item_id == item_id}

    def accepts(self, item_id: str, announcement: Announcement) -> bool:
        """
        Whether an announcement counts.

        A device's own item, whose id is the resource, wins over a mention in another item.  The
        announcement that a forgotten device had does not bring it back.
        """
        resource = announcement.resource
        forgotten = self.forgotten.get(resource)
        if forgotten is not None and forgotten == fingerprint(announcement):
            return False
        known = self.devices.get(resource)
        if known is None:
            return len(self.devices) < MAX_RESOURCES
        return item_id == resource or known.item_id != resource


class Devices:
    """
    All devices.

    :ivar contacts: by bare JID.
    :ivar version: changes with every change, so that a search stays valid until then.
    """

    def __init__(self) -> None:
        self.contacts: dict[str, ContactDevices] = {}
        self.version = 0

    def __iter__(self) -> Iterator[Device]:
        for contact in self.contacts.values():
            yield from contact.devices.values()

    def lists(self) -> Iterator[Device]:
        """All lists, the private ones too."""
        for contact in self.contacts.values():
            yield from contact.lists()

    def addresses(self, device: Device) -> tuple[PeerAddress, ...]:
        """Where to dial a device; its item says that for the private list, too."""
        known = self.get(device.jid, device.resource)
        return () if known is None else known.announcement.addresses

    def contact(self, jid: str) -> ContactDevices:
        """The devices of a contact, to look at; none if the contact is unknown."""
        return self.contacts.get(jid) or ContactDevices()

    def add_contact(self, jid: str) -> ContactDevices:
        """The devices of a contact, to change."""
        return self.contacts.setdefault(jid, ContactDevices())

    def get(self, jid: str, resource: str) -> Device | None:
        """One device; ``None`` if it has announced nothing."""
        return self.contact(jid).devices.get(resource)


def fingerprint(announcement: Announcement) -> str:
    """A text that is equal for announcements with the same content."""
    shares = [(share.info_hash, share.name, share.size) for share in announcement.shares.values()]
    revision = announcement.list_id, announcement.revision
    content = revision if announcement.list_id else sorted(shares)
    text = repr((announcement.addresses, content))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

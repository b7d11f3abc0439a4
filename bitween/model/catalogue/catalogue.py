"""
The catalogue: every announcement in force, and which devices are online.

Contacts announce what each of their devices shares: in PEP items, and for long lists in pages that
the device itself serves.  The catalogue holds what is in force:

* by device (``devices.py``): the announcement, its shares, when the device was last seen;
* by torrent (``holders.py``, :attr:`Catalogue.torrents`): the devices that have it, and the names
  and sizes that they claim;
* by name (``search.py``, ``searches.py``, :attr:`Catalogue.searches`).

What a device shares with us but not with all contacts is in a list of its own
(``private_lists.py``, :attr:`Catalogue.private`), which counts only while the device is online.

A device is known from its first announcement.  It is online or offline, as presence says; offline
devices stay listed, so that their shares can be browsed.  A device that was not seen for long can
be forgotten: then its last announcement is ignored until the device comes online or announces
something else, for its PEP item may stand on its server for ever.

``merging.py`` decides what an announcement changes.  Every method that changes something returns a
:class:`~bitween.model.catalogue.changes.CatalogueChange`, and calls nothing: the application passes
the change on to those who act on it (the cache on disk, the connector, the API's events).

The caller decides whether a contact may announce at all.  The reader of an announcement keeps the
bounds on one announcement, the catalogue keeps those over several.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import (
    CatalogueChange,
    Holding,
    Key,
    Listing,
    Presence,
    ResourceRecord,
    combined,
)
from bitween.model.catalogue.devices import (
    MAX_RESOURCES,
    ContactDevices,
    Device,
    Devices,
    fingerprint,
)
from bitween.model.catalogue.holders import CatalogueLimits, HolderIndex
from bitween.model.catalogue.merging import ListChange, ListMerger
from bitween.model.catalogue.private_lists import PrivateLists
from bitween.model.catalogue.searches import CatalogueSearches
from bitween.model.torrent import InfoHash


class Catalogue:
    """
    Holds announcements by contact (``jid``, a bare JID) and device (``resource``).

    :ivar torrents: finds devices by torrent.
    :ivar searches: finds shares by name.
    :ivar private: the lists that devices keep for us alone.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        limits: CatalogueLimits | None = None,
        own_share: Callable[[InfoHash], Share | None] = lambda _: None,
    ) -> None:
        """
        :param clock: returns seconds since the epoch.
        :param own_share: returns what our own copy of a torrent says of it; see ``HolderIndex``.
        """
        self._clock = clock
        self._devices = Devices()
        self.torrents = HolderIndex(self._devices, limits or CatalogueLimits(), own_share)
        self.searches = CatalogueSearches(self._devices, self.torrents)
        self._merger = ListMerger(self.torrents)
        self.private = PrivateLists(self._devices, self.torrents, self._merger)

    def replace_item(
        self, jid: str, item_id: str, announcements: Sequence[Announcement]
    ) -> CatalogueChange:
        """
        Replace what a PEP item announced before by what it announces now.

        A device's own item, whose id is the resource, wins over a mention in another item.  An
        announcement that is not complete adds to what is known of the same list.

        :param announcements: all that the item announces now, one for each device.
        """
        contact = self._devices.add_contact(jid)
        by_resource = {announcement.resource: announcement for announcement in announcements}
        change = CatalogueChange()
        for resource in contact.announced_in(item_id) - by_resource.keys():
            change |= self._drop(contact, resource)
        for announcement in by_resource.values():
            if contact.accepts(item_id, announcement):
                change |= self._put(jid, contact, item_id, announcement)
        return change

    def remove_item(self, jid: str, item_id: str) -> CatalogueChange:
        """Remove what a PEP item announced."""
        known = jid in self._devices.contacts
        return self.replace_item(jid, item_id, ()) if known else CatalogueChange()

    def replace_items(
        self,
        jid: str,
        items: Mapping[str, Sequence[Announcement]],
        unchanged: frozenset[str] = frozenset(),
    ) -> CatalogueChange:
        """
        Replace what all items of a contact's node announced.

        :param items: the announcements of each item, by its id.
        :param unchanged: the ids of items that stay as they are known.
        """
        change = CatalogueChange()
        known = {device.item_id for device in self._devices.contact(jid).devices.values()}
        for item_id in known - items.keys() - unchanged:
            change |= self.remove_item(jid, item_id)
        for item_id, announcements in items.items():
            change |= self.replace_item(jid, item_id, announcements)
        return change

    def apply_delta(
        self,
        jid: str,
        resource: str,
        added: Sequence[Share],
        gone: Iterable[InfoHash],
        *,
        list_id: str,
        revision: int,
        complete: bool = True,
    ) -> CatalogueChange:
        """
        Apply some changes to a list; the cost depends on them, not on the list.

        Nothing happens if the device has another list meanwhile.

        :param added: new or changed shares, oldest first.
        :param gone: removed shares; those that the device does not have are ignored.
        :param revision: of the list with these changes.
        :param complete: whether the whole list is known then.
        """
        device = self._devices.get(jid, resource)
        if device is None or device.announcement.list_id != list_id:
            return CatalogueChange()
        device.set_announcement(replace(device.announcement, revision=revision, complete=complete))
        change = self._merger.update(device, added, gone)
        device.last_seen = self._clock()
        return self._changed(device, change)

    def apply_page(self, jid: str, resource: str, page: ListPage) -> CatalogueChange:
        """Apply a page of a list, as the device itself serves it."""
        if not page.reset:
            return self.apply_delta(
                jid,
                resource,
                page.added,
                page.gone,
                list_id=page.list_id,
                revision=page.revision,
                complete=page.complete,
            )
        device = self._devices.get(jid, resource)
        if device is None:
            return CatalogueChange()
        change = self._merger.reset(device, page)
        device.last_seen = self._clock()
        return self._changed(device, change)

    def forget(self, jid: str) -> CatalogueChange:
        """Forget a contact, announcements and presence."""
        contact = self._devices.contacts.get(jid)
        if contact is None:
            return CatalogueChange()
        change = CatalogueChange(
            presences=tuple(Presence(jid, resource, False) for resource in sorted(contact.online)),
            records={(jid, resource): None for resource in contact.forgotten},
        )
        change |= self.private.drop_all(jid)
        for resource in list(contact.devices):
            change |= self._drop(contact, resource)
        del self._devices.contacts[jid]
        return change

    def forget_all_but(self, jids: Collection[str]) -> CatalogueChange:
        """Forget all contacts that are not in ``jids``."""
        change = CatalogueChange()
        for jid in self._devices.contacts.keys() - set(jids):
            change |= self.forget(jid)
        return change

    def forget_resource(self, jid: str, resource: str) -> CatalogueChange:
        """
        Forget a device until it comes online or announces something else.

        Its item may stand on its server for ever, and would bring it back at each log-in.
        """
        contact = self._devices.contact(jid)
        device = contact.devices.get(resource)
        if device is None:
            return CatalogueChange()
        forgotten = contact.forgotten
        forgotten[resource] = fingerprint(device.announcement)
        records: dict[Key, ResourceRecord | None] = {
            (jid, resource): replace(device.record(), forgotten=forgotten[resource])
        }
        while len(forgotten) > MAX_RESOURCES:
            oldest = next(iter(forgotten))
            del forgotten[oldest]
            records[jid, oldest] = None
        return self._drop(contact, resource) | CatalogueChange(records=records)

    def set_online(self, jid: str, resource: str, online: bool) -> CatalogueChange:
        """Set whether a device is online."""
        contact = self._devices.add_contact(jid)
        if online == (resource in contact.online):
            return CatalogueChange()
        change = CatalogueChange()
        if not online:
            contact.online.discard(resource)
            change = self.private.drop(jid, resource)
        elif len(contact.online) < MAX_RESOURCES:
            contact.online.add(resource)
        else:
            return CatalogueChange()
        return change | self._presence_changed(contact, Presence(jid, resource, online))

    def set_all_offline(self) -> CatalogueChange:
        """Set every device offline, since no presence is known any longer."""
        online = [(jid, r) for jid, c in self._devices.contacts.items() for r in sorted(c.online)]
        return combined(self.set_online(*key, False) for key in online)

    def refresh_last_seen(self) -> CatalogueChange:
        """
        Set ``last_seen`` of every online device to now; a long session brings no presence.

        No device was seen later than now, as a clock that was ahead may have recorded.
        """
        now = self._clock()
        seen = [device for device in self._devices if device.online or device.last_seen > now]
        for device in seen:
            device.last_seen = now
        return CatalogueChange(
            records={(device.jid, device.resource): device.record() for device in seen}
        )

    def unseen_since(self, when: float) -> list[Key]:
        """
        The devices that are offline, and were last seen before a time.

        :param when: seconds since the epoch.
        """
        return [
            (jid, resource)
            for jid, contact in self._devices.contacts.items()
            for resource, device in contact.devices.items()
            if not device.online and device.last_seen < when
        ]

    def restore(self, record: ResourceRecord, shares: Sequence[Share]) -> None:
        """
        Restore a device from what an earlier run stored; it is offline until its presence comes.

        :param shares: are added to those that it has, so that a long list can come in portions.
        """
        self._devices.version += 1
        contact = self._devices.add_contact(record.jid)
        resource = record.announcement.resource
        if record.forgotten:
            contact.forgotten[resource] = record.forgotten
            return
        device = contact.devices.get(resource)
        if device is None:
            if len(contact.devices) >= MAX_RESOURCES:
                return
            device = Device(record.jid, record.item_id, record.announcement)
            contact.devices[resource] = device
        device.last_seen = record.last_seen
        missing = [share for share in shares if share.info_hash not in device.shares]
        self.torrents.add(device, missing)

    def prepare(self) -> Iterator[None]:
        """Do in advance what would make the first search slow, one list a step."""
        for device in list(self._devices):
            device.names()
            yield

    def share_of(self, jid: str, resource: str, info_hash: InfoHash) -> Share | None:
        """What a device itself announces of a torrent."""
        lists = self._devices.contact(jid).lists_of(resource)
        shares = (device.shares.get(info_hash) for device in lists)
        return next((share for share in shares if share is not None), None)

    def listings(self, jid: str) -> dict[str, Listing]:
        """What each device of a contact announces, by resource."""
        contact = self._devices.contact(jid)
        return {
            resource: Listing(
                *contact.whole(resource),
                device.online,
                self._clock() if device.online else device.last_seen,
            )
            for resource, device in sorted(contact.devices.items())
        }

    def online(self, jid: str) -> frozenset[str]:
        """The resources of a contact that are online, with or without shares."""
        return frozenset(self._devices.contact(jid).online)

    def online_announcements(self) -> Iterator[tuple[str, Announcement]]:
        """What each device that is online announces, with its bare JID."""
        return ((device.jid, device.announcement) for device in self._devices if device.online)

    def candidates(self, jid: str, resource: str) -> tuple[Candidate, ...]:
        """The addresses at which a device may be reached; none while it is offline."""
        device = self._devices.get(jid, resource)
        return device.announcement.candidates if device is not None and device.online else ()

    def is_sealed(self, jid: str, resource: str) -> bool:
        """Whether a device is online and speaks sealed transfers."""
        device = self._devices.get(jid, resource)
        return device is not None and device.online and device.announcement.sealed

    def jids(self) -> list[str]:
        """The bare JIDs of all contacts that have announced something, sorted."""
        return sorted(jid for jid, contact in self._devices.contacts.items() if contact.devices)

    def jids_at(self, address: str, port: int | None) -> frozenset[str]:
        """
        The contacts that announce an IP address, online or not: they may just have gone offline.

        :param port: ``None`` for any.
        """
        return frozenset(
            device.jid
            for device in self._devices
            if any(
                known.address == address and port in (None, known.port)
                for known in device.announcement.addresses
            )
        )

    def _put(
        self, jid: str, contact: ContactDevices, item_id: str, announcement: Announcement
    ) -> CatalogueChange:
        resource = announcement.resource
        contact.forgotten.pop(resource, None)
        device = contact.devices.get(resource)
        before = None if device is None else device.record()
        if device is None:
            device = contact.devices[resource] = Device(jid, item_id, Announcement(resource))
            device.online = resource in contact.online
        moved = _location(device.announcement) != _location(announcement)
        device.item_id = item_id
        change = self._merger.merge(device, announcement)
        if not change.new and not change.gone and device.record() == before:
            return CatalogueChange()
        device.last_seen = self._clock()
        return self._changed(device, change, moved=moved)

    def _drop(self, contact: ContactDevices, resource: str) -> CatalogueChange:
        device = contact.devices.pop(resource)
        change = ListChange(gone=list(device.shares.values()))
        self.torrents.remove(device, change.gone)
        return replace(self._changed(device, change), records={(device.jid, resource): None})

    def _changed(
        self, device: Device, change: ListChange, *, moved: bool = False
    ) -> CatalogueChange:
        self._devices.version += 1
        jid, resource = device.jid, device.resource
        redialled: set[InfoHash] = set()
        if device.online:
            redialled.update(share.info_hash for share in (*change.new, *change.gone))
            if moved:
                redialled.update(device.shares)
        return CatalogueChange(
            tuple(Holding(jid, resource, share) for share in change.new),
            tuple(Holding(jid, resource, share) for share in change.gone),
            frozenset(redialled),
            records={(jid, resource): device.record()},
        )

    def _presence_changed(self, contact: ContactDevices, presence: Presence) -> CatalogueChange:
        jid, resource = presence.jid, presence.resource
        self._devices.version += 1
        records: dict[Key, ResourceRecord | None] = {}
        if presence.online and contact.forgotten.pop(resource, ""):
            records[jid, resource] = None
        device = contact.devices.get(resource)
        if device is None:
            return CatalogueChange(presences=(presence,), records=records)
        device.online = presence.online
        device.last_seen = self._clock()
        return CatalogueChange(
            # A device that goes offline adds no address to dial.
            redialled=frozenset(device.shares) if presence.online else frozenset(),
            presences=(presence,),
            records={(jid, resource): device.record()},
        )


def _location(announcement: Announcement) -> object:
    return announcement.addresses, announcement.candidates, announcement.sealed

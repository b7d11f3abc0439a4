"""
The lists that devices keep for us alone: what they share with us, but not with all contacts.

A device has such a list beside the one that it announces (docs/protocol.rst, "Restricted lists").
It arrives in pages that the device itself serves, counts only while the device is online, and is
never stored.  Its shares are found like all others: :class:`HolderIndex` and the searches know them
as those of a second :class:`Device` of the same resource.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bitween.model.announcement import Announcement, ListPage
from bitween.model.catalogue.changes import CatalogueChange, Holding, combined
from bitween.model.catalogue.devices import Device, Devices
from bitween.model.catalogue.holders import HolderIndex
from bitween.model.catalogue.merging import ListChange, ListMerger


@dataclass(frozen=True, slots=True)
class ListProgress:
    """
    How much of a list is known.

    :param list_id: names the list; empty if nothing is known.
    :param revision: all changes up to it are known.
    :param complete: whether the whole list is known.
    """

    list_id: str = ""
    revision: int = 0
    complete: bool = False


class PrivateLists:
    """Holds the private lists of the devices that are online."""

    def __init__(self, devices: Devices, index: HolderIndex, merger: ListMerger) -> None:
        self._devices = devices
        self._index = index
        self._merger = merger

    def progress(self, jid: str, resource: str) -> ListProgress:
        """How much of a device's private list is known."""
        device = self._devices.contact(jid).private.get(resource)
        if device is None:
            return ListProgress()
        known = device.announcement
        return ListProgress(known.list_id, known.revision, known.complete)

    def apply_page(self, jid: str, resource: str, page: ListPage) -> CatalogueChange:
        """
        Apply a page of a device's private list.

        Nothing happens if the device is offline, or if the page continues another list.
        """
        contact = self._devices.contact(jid)
        if resource not in contact.online:
            return CatalogueChange()
        device = contact.private.get(resource)
        if device is None:
            device = Device(jid, "", Announcement(resource), private=True)
            contact.private[resource] = device
        known = device.announcement
        if page.reset:
            change = self._merger.reset(device, page)
        elif known.list_id != page.list_id:
            return CatalogueChange()
        else:
            progress = replace(known, revision=page.revision, complete=page.complete)
            device.set_announcement(progress)
            change = self._merger.update(device, page.added, page.gone)
        return self._changed(device, change)

    def drop(self, jid: str, resource: str) -> CatalogueChange:
        """Drop the private list of a device: it went offline, or its word no longer counts."""
        device = self._devices.contact(jid).private.pop(resource, None)
        if device is None:
            return CatalogueChange()
        gone = list(device.shares.values())
        self._index.remove(device, gone)
        return self._changed(device, ListChange(gone=gone))

    def drop_all(self, jid: str) -> CatalogueChange:
        """Drop the private lists of all devices of a contact."""
        return combined(self.drop(jid, r) for r in list(self._devices.contact(jid).private))

    def _changed(self, device: Device, change: ListChange) -> CatalogueChange:
        self._devices.version += 1
        key = device.jid, device.resource
        return CatalogueChange(
            tuple(Holding(*key, share, private=True) for share in change.new),
            tuple(Holding(*key, share, private=True) for share in change.gone),
            frozenset(share.info_hash for share in (*change.new, *change.gone)),
        )

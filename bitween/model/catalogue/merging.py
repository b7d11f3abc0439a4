"""How an announcement changes the share list of a device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.catalogue.devices import Device
from bitween.model.catalogue.holders import HolderIndex
from bitween.model.torrent import InfoHash


class ListChange(NamedTuple):
    """Shares that a device has gained and lost; a changed one is in both."""

    new: Sequence[Share] = ()
    gone: Sequence[Share] = ()


class ListMerger:
    """Merges announcements, pages and deltas into the share lists of devices."""

    def __init__(self, index: HolderIndex) -> None:
        self._index = index

    def merge(self, device: Device, announcement: Announcement) -> ListChange:
        """Merge an announcement: a whole list, or a part of the list that is known."""
        if _continues(device.announcement, announcement):
            return self._extend(device, announcement)
        return self.replace(device, _from_nothing(announcement))

    def replace(self, device: Device, announcement: Announcement) -> ListChange:
        """Replace the list; what the change costs depends on what differs."""
        device.set_announcement(announcement)
        after = announcement.shares
        gone = [share for key, share in device.shares.items() if after.get(key) != share]
        self._index.remove(device, gone)
        missing = [share for key, share in after.items() if key not in device.shares]
        new = self._index.add(device, missing)
        if new or gone:
            device.sort(after)
        return ListChange(new, gone)

    def reset(self, device: Device, page: ListPage) -> ListChange:
        """Replace the list by the first page of a new one; the addresses stay."""
        announcement = replace(
            device.announcement,
            shares={share.info_hash: share for share in page.added},
            list_id=page.list_id,
            revision=page.revision,
            complete=page.complete,
            since=0,
            gone=(),
        )
        return self.replace(device, announcement)

    def update(
        self, device: Device, added: Sequence[Share], gone: Iterable[InfoHash] = ()
    ) -> ListChange:
        """
        Add, change and remove some shares.

        :param added: new and changed shares, oldest first.
        :param gone: removed shares; those that the device does not have are ignored.
        """
        removed = {key: device.shares[key] for key in gone if key in device.shares}
        for share in added:
            known = device.shares.get(share.info_hash, share)
            if known != share:
                removed[share.info_hash] = known
        self._index.remove(device, list(removed.values()))
        new = {share.info_hash: share for share in added if share.info_hash not in device.shares}
        return ListChange(self._index.add(device, list(new.values())), list(removed.values()))

    def _extend(self, device: Device, announcement: Announcement) -> ListChange:
        """Merge a part of the list that is known."""
        known = replace(
            device.announcement,
            addresses=announcement.addresses,
            candidates=announcement.candidates,
            sealed=announcement.sealed,
            device=announcement.device,
        )
        if announcement.revision <= known.revision:
            # It may come after what was read from the device itself.
            device.set_announcement(known)
            return ListChange()
        if announcement.since <= known.revision:
            known = replace(known, revision=announcement.revision, complete=True)
        else:
            # The list is of an older revision, from which to go on, and holds some newer shares.
            known = replace(known, complete=False)
        device.set_announcement(known)
        return self.update(device, list(announcement.shares.values()), announcement.gone)


def _continues(known: Announcement, announcement: Announcement) -> bool:
    """Whether an announcement is only a part of the list that is known."""
    same = announcement.list_id != "" and announcement.list_id == known.list_id
    return same and not announcement.complete


def _from_nothing(announcement: Announcement) -> Announcement:
    """What is known by one announcement, if nothing of its list was known before."""
    if announcement.complete:
        return announcement
    complete = announcement.list_id != "" and announcement.since == 0
    revision = announcement.revision if complete else 0
    return replace(announcement, revision=revision, complete=complete, since=0, gone=())

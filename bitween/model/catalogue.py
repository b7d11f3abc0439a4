"""Every announcement in force: who has what, and who is there now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.torrent import InfoHash

#: A contact with more devices than this has gone wrong, or means harm.
MAX_RESOURCES = 64


@dataclass(frozen=True, slots=True)
class Holding:
    """A share in the hands of one resource of a contact."""

    jid: str
    resource: str
    share: Share


@dataclass(frozen=True, slots=True)
class Source:
    """A resource that is online and has a torrent, and where to dial it."""

    jid: str
    resource: str
    addresses: tuple[PeerAddress, ...]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """
    What a call to the catalogue changed.

    :param appeared: shares that a resource did not list before.
    :param gone: shares that a resource no longer lists.
    :param redialled: torrents for which there are other addresses to dial than before.
    """

    appeared: tuple[Holding, ...] = ()
    gone: tuple[Holding, ...] = ()
    redialled: frozenset[InfoHash] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.appeared or self.gone or self.redialled)

    def __or__(self, other: CatalogueChange) -> CatalogueChange:
        return CatalogueChange(
            self.appeared + other.appeared, self.gone + other.gone, self.redialled | other.redialled
        )


@dataclass(frozen=True, slots=True)
class Found:
    """
    One share, with everybody who has it.

    :param contacts: bare JIDs, sorted.
    :param online: whether at least one of them is there now.
    """

    info_hash: InfoHash
    name: str
    size: int
    contacts: tuple[str, ...]
    online: bool


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of what was found, and how much there is in all."""

    total: int
    items: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One resource of a contact as the catalogue knows it."""

    announcement: Announcement
    online: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    item_id: str
    announcement: Announcement


@dataclass
class _Contact:
    entries: dict[str, _Entry] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)


_SORT_KEYS = {
    "name": lambda found: (found.name.casefold(), found.info_hash),
    "size": lambda found: (found.size, found.info_hash),
    "online": lambda found: (not found.online, found.name.casefold(), found.info_hash),
}

#: What :meth:`Catalogue.find` can sort by.
SORTS = tuple(_SORT_KEYS)


class Catalogue:
    """
    Holds announcements by contact and resource.

    Whether a contact may announce at all is decided by the caller; bounds on what one announcement
    may hold are kept by whoever reads it.  Every method that changes something returns the change.
    """

    def __init__(self) -> None:
        self._contacts: dict[str, _Contact] = {}
        self._holders: dict[InfoHash, set[tuple[str, str]]] = {}

    def replace_item(
        self, jid: str, item_id: str, announcements: Sequence[Announcement]
    ) -> CatalogueChange:
        """
        Take over what a PEP item says now, in place of what it said before.

        A resource's own item (whose id is the resource) wins over a mention in another item.
        """
        contact = self._contacts.setdefault(jid, _Contact())
        said = {announcement.resource: announcement for announcement in announcements}
        change = CatalogueChange()
        for resource in self._spoken_of_by(contact, item_id) - said.keys():
            change |= self._drop(jid, contact, resource)
        for resource, announcement in said.items():
            if self._may_speak(contact, item_id, resource):
                change |= self._put(jid, contact, item_id, announcement)
        return change

    def remove_item(self, jid: str, item_id: str) -> CatalogueChange:
        """Forget what a PEP item said."""
        return self.replace_item(jid, item_id, ()) if jid in self._contacts else CatalogueChange()

    def replace_items(
        self, jid: str, items: Mapping[str, Sequence[Announcement]]
    ) -> CatalogueChange:
        """Take over a contact's whole node: what its items say, and nothing else."""
        change = CatalogueChange()
        if jid in self._contacts:
            known = {entry.item_id for entry in self._contacts[jid].entries.values()}
            for item_id in known - items.keys():
                change |= self.remove_item(jid, item_id)
        for item_id, announcements in items.items():
            change |= self.replace_item(jid, item_id, announcements)
        return change

    def forget(self, jid: str) -> CatalogueChange:
        """Forget a contact: shares and presence."""
        contact = self._contacts.get(jid)
        if contact is None:
            return CatalogueChange()
        change = CatalogueChange()
        for resource in list(contact.entries):
            change |= self._drop(jid, contact, resource)
        del self._contacts[jid]
        return change

    def set_online(self, jid: str, resource: str, online: bool) -> CatalogueChange:
        """Note that a resource came or went."""
        contact = self._contacts.setdefault(jid, _Contact())
        if online == (resource in contact.online):
            return CatalogueChange()
        if not online:
            contact.online.discard(resource)
        elif len(contact.online) < MAX_RESOURCES:
            contact.online.add(resource)
        entry = contact.entries.get(resource)
        return CatalogueChange(
            redialled=frozenset(entry.announcement.shares) if entry else frozenset()
        )

    def all_offline(self) -> CatalogueChange:
        """Note that nobody's presence is known any more."""
        change = CatalogueChange()
        for jid, contact in self._contacts.items():
            for resource in list(contact.online):
                change |= self.set_online(jid, resource, False)
        return change

    def sources(self, info_hash: InfoHash) -> list[Source]:
        """Everybody who is online and has a torrent."""
        found = []
        for jid, resource in sorted(self._holders.get(info_hash, ())):
            contact = self._contacts[jid]
            if resource in contact.online:
                addresses = contact.entries[resource].announcement.addresses
                found.append(Source(jid, resource, addresses))
        return found

    def share(self, info_hash: InfoHash) -> Share | None:
        """What is said of a torrent, by someone who is online if there is one."""
        holders = sorted(self._holders.get(info_hash, ()), key=self._away_last)
        if not holders:
            return None
        jid, resource = holders[0]
        return self._contacts[jid].entries[resource].announcement.shares[info_hash]

    def listings(self, jid: str) -> dict[str, Listing]:
        """What each resource of a contact announces."""
        contact = self._contacts.get(jid, _Contact())
        return {
            resource: Listing(entry.announcement, resource in contact.online)
            for resource, entry in sorted(contact.entries.items())
        }

    def online(self, jid: str) -> frozenset[str]:
        """The resources of a contact that are there now, with or without shares."""
        return frozenset(self._contacts.get(jid, _Contact()).online)

    def jids(self) -> list[str]:
        """Everybody who has announced something."""
        return sorted(jid for jid, contact in self._contacts.items() if contact.entries)

    def reachable(self) -> Iterator[tuple[InfoHash, frozenset[PeerAddress]]]:
        """Every torrent of somebody who is online, with the addresses to dial."""
        for info_hash in self._holders:
            sources = self.sources(info_hash)
            if sources:
                yield info_hash, frozenset(a for source in sources for a in source.addresses)

    def find(
        self,
        query: str = "",
        contact: str | None = None,
        sort: str = "name",
        offset: int = 0,
        limit: int = 50,
    ) -> FoundPage:
        """
        Search the shares of everybody.

        :param query: words that must all stand in the name, in any case; or an info-hash, of which
            the first six digits will do.
        :param contact: a bare JID, to see only theirs.
        :param sort: one of :data:`SORTS`.
        """
        words = query.casefold().split()
        matching = sorted(self._matching(words, contact), key=_SORT_KEYS[sort])
        return FoundPage(len(matching), tuple(matching[offset : offset + limit]))

    def _matching(self, words: Sequence[str], contact: str | None) -> Iterator[Found]:
        for info_hash, holders in self._holders.items():
            if contact is not None and all(jid != contact for jid, _ in holders):
                continue
            found = self._found(info_hash, holders)
            name = found.name.casefold()
            if all(word in name for word in words) or _begins(info_hash, words):
                yield found

    def _found(self, info_hash: InfoHash, holders: Iterable[tuple[str, str]]) -> Found:
        ordered = sorted(holders, key=self._away_last)
        jid, resource = ordered[0]
        share = self._contacts[jid].entries[resource].announcement.shares[info_hash]
        contacts = tuple(sorted({jid for jid, _ in ordered}))
        return Found(
            info_hash, share.name, share.size, contacts, not self._away_last(ordered[0])[0]
        )

    def _away_last(self, holder: tuple[str, str]) -> tuple[bool, str, str]:
        jid, resource = holder
        return resource not in self._contacts[jid].online, jid, resource

    @staticmethod
    def _spoken_of_by(contact: _Contact, item_id: str) -> set[str]:
        return {r for r, entry in contact.entries.items() if entry.item_id == item_id}

    @staticmethod
    def _may_speak(contact: _Contact, item_id: str, resource: str) -> bool:
        known = contact.entries.get(resource)
        if known is None:
            return len(contact.entries) < MAX_RESOURCES
        return item_id == resource or known.item_id != resource

    def _put(
        self, jid: str, contact: _Contact, item_id: str, announcement: Announcement
    ) -> CatalogueChange:
        resource = announcement.resource
        known = contact.entries.get(resource)
        before: Mapping[InfoHash, Share] = known.announcement.shares if known else {}
        after = announcement.shares
        appeared = [share for info_hash, share in after.items() if info_hash not in before]
        gone = [share for info_hash, share in before.items() if info_hash not in after]
        contact.entries[resource] = _Entry(item_id, announcement)
        for share in appeared:
            self._holders.setdefault(share.info_hash, set()).add((jid, resource))
        for share in gone:
            self._release(share.info_hash, jid, resource)
        redialled: set[InfoHash] = set()
        if resource in contact.online:
            redialled.update(share.info_hash for share in (*appeared, *gone))
            if known and known.announcement.addresses != announcement.addresses:
                redialled.update(after)
        return CatalogueChange(
            tuple(Holding(jid, resource, share) for share in appeared),
            tuple(Holding(jid, resource, share) for share in gone),
            frozenset(redialled),
        )

    def _drop(self, jid: str, contact: _Contact, resource: str) -> CatalogueChange:
        change = self._put(jid, contact, "", Announcement(resource))
        del contact.entries[resource]
        return change

    def _release(self, info_hash: InfoHash, jid: str, resource: str) -> None:
        holders = self._holders[info_hash]
        holders.discard((jid, resource))
        if not holders:
            del self._holders[info_hash]


def _begins(info_hash: InfoHash, words: Sequence[str]) -> bool:
    return len(words) == 1 and len(words[0]) >= 6 and info_hash.startswith(words[0])

"""Every announcement in force: who has what, and who is there now."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bitween.model.address import PeerAddress
from bitween.model.announcement import MAX_SHARES, Announcement, ListPage, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.search import (
    UNFILTERED,
    Claim,
    Everything,
    Filter,
    Found,
    FoundPage,
    Matches,
    NameText,
    Search,
)
from bitween.model.torrent import InfoHash

#: A contact with more devices than this has gone wrong, or means harm.
MAX_RESOURCES = 64


@dataclass(frozen=True, slots=True)
class CatalogueLimits:
    """
    What the catalogue holds at most; the oldest of a resource's shares are left out beyond it.

    :param contact_shares: shares of all the resources of a contact.
    :param shares: shares of everybody; a million take about half a gigabyte.
    """

    contact_shares: int = 100_000
    shares: int = 1_000_000


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
class Presence:
    """A resource of a contact that came or went."""

    jid: str
    resource: str
    online: bool


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """
    What is known of a resource beside its shares, as it is kept over a restart.

    :param item_id: the PEP item that speaks of it.
    :param announcement: without the shares.
    :param last_seen: seconds since the epoch.
    :param forgotten: a fingerprint of the announcement that is to be ignored; empty if none is.
    """

    jid: str
    item_id: str
    announcement: Announcement
    last_seen: float
    forgotten: str = ""


#: Bare JID and resource.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """
    What a call to the catalogue changed.

    :param appeared: shares that a resource did not list before.
    :param gone: shares that a resource no longer lists.
    :param redialled: torrents for which there are other addresses to dial than before, or more is
        known of them.
    :param presences: who came and who went.
    :param records: what is to be kept of resources now, ``None`` for nothing at all.
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


@dataclass(frozen=True, slots=True)
class Listing:
    """
    One resource of a contact as the catalogue knows it.

    :param announcement: a view; its shares are always those of now.
    :param last_seen: seconds since the epoch; of now if it is online.
    :param size: bytes of all its shares.
    """

    announcement: Announcement
    online: bool
    last_seen: float = 0.0
    size: int = 0


class _Entry:
    """One resource's announcement in force."""

    def __init__(self, jid: str, item_id: str, announcement: Announcement) -> None:
        self.jid = jid
        self.resource = announcement.resource
        self.item_id = item_id
        self.online = False
        self.last_seen = 0.0
        self.shares: dict[InfoHash, Share] = {}
        self.size = 0
        # What the index has for torrents that nobody else has: one object for all of them.
        self.alone = (self,)
        # All other torrents of it.
        self.common: set[InfoHash] = set()
        self._names: NameText | None = None
        self.take(announcement)

    def take(self, announcement: Announcement) -> None:
        """Take over all but the shares."""
        self.announcement = replace(announcement, shares=MappingProxyType(self.shares))

    def order(self, like: Iterable[InfoHash]) -> None:
        """Put the shares in the order of those to which they belong."""
        self.shares = {key: self.shares[key] for key in like if key in self.shares}
        self.take(self.announcement)
        self._names = None

    def add(self, share: Share) -> None:
        self.shares[share.info_hash] = share
        self.size += share.size
        self._names = None

    def discard(self, info_hash: InfoHash) -> None:
        self.size -= self.shares.pop(info_hash).size
        self.common.discard(info_hash)
        self._names = None

    def names(self) -> NameText:
        """The names of the shares as of now."""
        if self._names is None:
            self._names = NameText(self.shares.values())
        return self._names

    def record(self) -> ResourceRecord:
        said = replace(self.announcement, shares=MappingProxyType({}))
        return ResourceRecord(self.jid, self.item_id, said, self.last_seen)


@dataclass
class _Contact:
    entries: dict[str, _Entry] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    # By resource, a fingerprint of what it said when it was forgotten.
    forgotten: dict[str, str] = field(default_factory=dict)


class Catalogue:
    """
    Holds announcements by contact and resource.

    Whether a contact may announce at all is decided by the caller; bounds on what one announcement
    may hold are kept by whoever reads it, those over several by the catalogue.  Every method that
    changes something returns the change.

    :ivar refused: shares that were left out, for they were too many.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        limits: CatalogueLimits | None = None,
        ours: Callable[[InfoHash], Share | None] = lambda _: None,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param ours: what we know ourselves of a torrent, from its metadata.
        """
        self._clock = clock
        self._ours = ours
        self._limits = limits or CatalogueLimits()
        self._contacts: dict[str, _Contact] = {}
        self._holders: dict[InfoHash, tuple[_Entry, ...]] = {}
        self._total = 0
        self._version = 0
        self._latest: tuple[object, Search] | None = None
        self.refused = 0

    # ---- what contacts say

    def replace_item(
        self, jid: str, item_id: str, announcements: Sequence[Announcement]
    ) -> CatalogueChange:
        """
        Take over what a PEP item says now, in place of what it said before.

        A resource's own item (whose id is the resource) wins over a mention in another item.  An
        announcement that is not complete adds to what is known of the same list.
        """
        contact = self._contacts.setdefault(jid, _Contact())
        said = {announcement.resource: announcement for announcement in announcements}
        change = CatalogueChange()
        for resource in self._spoken_of_by(contact, item_id) - said.keys():
            change |= self._drop(contact, resource)
        for announcement in said.values():
            if self._may_speak(contact, item_id, announcement):
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
        Take over some changes of a list; what that costs depends on them, not on the list.

        Nothing happens if the resource's list is another one by now.

        :param added: new or changed shares, oldest first.
        :param revision: the one that the list has with these changes.
        :param complete: whether the list is all there then.
        """
        entry = self._contacts.get(jid, _Contact()).entries.get(resource)
        if entry is None or entry.announcement.list_id != list_id:
            return CatalogueChange()
        entry.take(replace(entry.announcement, revision=revision, complete=complete))
        new, removed = self._update(entry, added, gone)
        entry.last_seen = self._clock()
        return self._changed(entry, new, removed)

    def apply_page(self, jid: str, resource: str, page: ListPage) -> CatalogueChange:
        """Take over a part of a list, as the resource itself gave it."""
        if not page.reset:
            return self.apply_delta(
                *(jid, resource, page.added, page.gone),
                list_id=page.list_id,
                revision=page.revision,
                complete=page.complete,
            )
        entry = self._contacts.get(jid, _Contact()).entries.get(resource)
        if entry is None:
            return CatalogueChange()
        anew = Announcement(
            resource,
            {share.info_hash: share for share in page.added},
            entry.announcement.addresses,
            page.list_id,
            page.revision,
            page.complete,
            candidates=entry.announcement.candidates,
        )
        new, gone = self._replace(entry, anew)
        entry.last_seen = self._clock()
        return self._changed(entry, new, gone)

    def forget(self, jid: str) -> CatalogueChange:
        """Forget a contact: shares and presence."""
        contact = self._contacts.get(jid)
        if contact is None:
            return CatalogueChange()
        change = CatalogueChange(
            presences=tuple(Presence(jid, resource, False) for resource in sorted(contact.online)),
            records={(jid, resource): None for resource in contact.forgotten},
        )
        for resource in list(contact.entries):
            change |= self._drop(contact, resource)
        del self._contacts[jid]
        return change

    def forget_all_but(self, jids: Collection[str]) -> CatalogueChange:
        """Forget everybody else."""
        change = CatalogueChange()
        for jid in self._contacts.keys() - set(jids):
            change |= self.forget(jid)
        return change

    # ---- who is there

    def set_online(self, jid: str, resource: str, online: bool) -> CatalogueChange:
        """Note that a resource came or went."""
        contact = self._contacts.setdefault(jid, _Contact())
        if online == (resource in contact.online):
            return CatalogueChange()
        if not online:
            contact.online.discard(resource)
        elif len(contact.online) < MAX_RESOURCES:
            contact.online.add(resource)
        else:
            return CatalogueChange()
        return self._came_or_went(contact, Presence(jid, resource, online))

    def all_offline(self) -> CatalogueChange:
        """Note that nobody's presence is known any more."""
        presences: list[Presence] = []
        records: dict[Key, ResourceRecord | None] = {}
        for jid, contact in self._contacts.items():
            for resource in sorted(contact.online):
                contact.online.discard(resource)
                change = self._came_or_went(contact, Presence(jid, resource, False))
                presences += change.presences
                records.update(change.records)
        return CatalogueChange(presences=tuple(presences), records=records)

    def _came_or_went(self, contact: _Contact, presence: Presence) -> CatalogueChange:
        jid, resource = presence.jid, presence.resource
        self._version += 1
        records: dict[Key, ResourceRecord | None] = {}
        if presence.online and contact.forgotten.pop(resource, ""):
            records[jid, resource] = None
        entry = contact.entries.get(resource)
        if entry is None:
            return CatalogueChange(presences=(presence,), records=records)
        entry.online = presence.online
        entry.last_seen = self._clock()
        return CatalogueChange(
            # Nobody new can be dialled when somebody goes.
            redialled=frozenset(entry.shares) if presence.online else frozenset(),
            presences=(presence,),
            records={(jid, resource): entry.record()},
        )

    def still_online(self) -> CatalogueChange:
        """
        Note that whoever is online was seen now, as nothing else may tell it for months.

        Nobody was seen later than now, as a clock that was ahead may have it.
        """
        now = self._clock()
        seen = [entry for entry in self._entries() if entry.online or entry.last_seen > now]
        for entry in seen:
            entry.last_seen = now
        return CatalogueChange(records={(e.jid, e.resource): e.record() for e in seen})

    # ---- resources that are gone for good

    def unseen_since(self, when: float) -> list[Key]:
        """
        The resources that have not been there for long.

        :param when: seconds since the epoch.
        """
        return [
            (jid, resource)
            for jid, contact in self._contacts.items()
            for resource, entry in contact.entries.items()
            if not entry.online and entry.last_seen < when
        ]

    def forget_resource(self, jid: str, resource: str) -> CatalogueChange:
        """
        Forget a resource, until it comes online or says something new.

        Its item may stand on its server for ever, and would bring it back at each log-in.
        """
        contact = self._contacts.get(jid, _Contact())
        entry = contact.entries.get(resource)
        if entry is None:
            return CatalogueChange()
        forgotten = contact.forgotten
        forgotten[resource] = _fingerprint(entry.announcement)
        records: dict[Key, ResourceRecord | None] = {
            (jid, resource): replace(entry.record(), forgotten=forgotten[resource])
        }
        while len(forgotten) > MAX_RESOURCES:
            oldest = next(iter(forgotten))
            del forgotten[oldest]
            records[jid, oldest] = None
        return self._drop(contact, resource) | CatalogueChange(records=records)

    # ---- what an earlier run knew

    def restore(self, record: ResourceRecord, shares: Sequence[Share]) -> None:
        """
        Take over what was kept of a resource, which is away until its presence comes.

        :param shares: are added to those that it has, so that a long list can come in portions.
        """
        self._version += 1
        contact = self._contacts.setdefault(record.jid, _Contact())
        resource = record.announcement.resource
        if record.forgotten:
            contact.forgotten[resource] = record.forgotten
            return
        entry = contact.entries.get(resource)
        if entry is None:
            if len(contact.entries) >= MAX_RESOURCES:
                return
            entry = _Entry(record.jid, record.item_id, record.announcement)
            contact.entries[resource] = entry
        entry.last_seen = record.last_seen
        self._hold(entry, [share for share in shares if share.info_hash not in entry.shares])

    def get_ready(self) -> Iterator[None]:
        """Do beforehand what the first search would take long for, one list a step."""
        for entry in list(self._entries()):
            entry.names()
            yield

    # ---- what is known

    def sources(self, info_hash: InfoHash) -> list[Source]:
        """Everybody who is online and has a torrent."""
        found = [
            Source(entry.jid, entry.resource, entry.announcement.addresses)
            for entry in self._holders.get(info_hash, ())
            if entry.online
        ]
        return sorted(found, key=lambda source: (source.jid, source.resource))

    def holders(self, info_hash: InfoHash) -> list[str]:
        """The bare JIDs of everybody who has a torrent, online or not, sorted."""
        return sorted({entry.jid for entry in self._holders.get(info_hash, ())})

    def share(self, info_hash: InfoHash) -> Share | None:
        """What is known of a torrent, or said of it by most; see :meth:`claims`."""
        claims = self.claims(info_hash)
        return Share(info_hash, claims[0].name, claims[0].size) if claims else None

    def share_of(self, jid: str, resource: str, info_hash: InfoHash) -> Share | None:
        """What a resource itself says of a torrent."""
        entry = self._contacts.get(jid, _Contact()).entries.get(resource)
        return None if entry is None else entry.shares.get(info_hash)

    def claims(self, info_hash: InfoHash) -> tuple[Claim, ...]:
        """
        Who says which name and size of a torrent.

        The hash does not prove them until the metadata is here, so a contact can give a torrent of
        another's any name.  What we know ourselves comes first, then what most contacts say,
        however many devices they have, then what was said first.
        """
        said: dict[tuple[str, int], set[str]] = {}
        ours = self._ours(info_hash)
        if ours is not None:
            said[ours.name, ours.size] = set()
        for entry in self._holders.get(info_hash, ()):
            share = entry.shares[info_hash]
            said.setdefault((share.name, share.size), set()).add(entry.jid)
        claims = [Claim(*key, tuple(sorted(jids))) for key, jids in said.items()]
        known = 0 if ours is None else 1
        return (*claims[:known], *sorted(claims[known:], key=_most_first))

    def sizes(self, info_hash: InfoHash) -> frozenset[int]:
        """The sizes that are announced of a torrent."""
        return frozenset(entry.shares[info_hash].size for entry in self._holders.get(info_hash, ()))

    def listings(self, jid: str) -> dict[str, Listing]:
        """What each resource of a contact announces."""
        contact = self._contacts.get(jid, _Contact())
        return {
            resource: Listing(
                entry.announcement,
                entry.online,
                self._clock() if entry.online else entry.last_seen,
                entry.size,
            )
            for resource, entry in sorted(contact.entries.items())
        }

    def online(self, jid: str) -> frozenset[str]:
        """The resources of a contact that are there now, with or without shares."""
        return frozenset(self._contacts.get(jid, _Contact()).online)

    def there(self) -> Iterator[tuple[str, Announcement]]:
        """What each resource that is online announces, with its bare JID."""
        return ((entry.jid, entry.announcement) for entry in self._entries() if entry.online)

    def candidates(self, jid: str, resource: str) -> tuple[Candidate, ...]:
        """Where a resource says that it is; nothing while it is away."""
        entry = self._contacts.get(jid, _Contact()).entries.get(resource)
        return entry.announcement.candidates if entry is not None and entry.online else ()

    def jids(self) -> list[str]:
        """Everybody who has announced something."""
        return sorted(jid for jid, contact in self._contacts.items() if contact.entries)

    def jids_at(self, address: str, port: int | None) -> frozenset[str]:
        """
        Who announces to be at an address, whether online or not: they may just have gone.

        :param port: ``None`` for any.
        """
        return frozenset(
            entry.jid
            for entry in self._entries()
            if any(
                known.address == address and port in (None, known.port)
                for known in entry.announcement.addresses
            )
        )

    def reachable(self) -> Iterator[tuple[InfoHash, frozenset[PeerAddress]]]:
        """
        Every torrent of somebody who is online, with the addresses to dial.

        Anything may change from one step to the next; nothing is given twice.
        """
        given: set[InfoHash] = set()
        for there in [entry for entry in self._entries() if entry.online]:
            for info_hash in list(there.shares):
                holders = [e for e in self._holders.get(info_hash, ()) if e.online]
                if holders and info_hash not in given:
                    given.add(info_hash)
                    yield info_hash, frozenset(a for e in holders for a in e.announcement.addresses)

    # ---- searching

    def find(
        self,
        query: str = "",
        contact: str | None = None,
        sort: str = "name",
        offset: int = 0,
        limit: int = 50,
        *,
        only: Filter = UNFILTERED,
    ) -> FoundPage:
        """
        Search the shares of everybody.

        :param query: words that must all stand in the name, in any case; or an info-hash, of which
            the first six digits will do.
        :param contact: a bare JID, to see only theirs.
        :param sort: one of :data:`bitween.model.catalogue.search.SORTS`.
        :param only: what of that which matches counts.
        """
        search = self.search(query, contact, sort, only)
        for _ in search.steps():
            pass
        return self.page(search, offset, limit, contact)

    def search(
        self, query: str, contact: str | None, sort: str, only: Filter = UNFILTERED
    ) -> Search:
        """
        Begin a search; when its steps are done, :meth:`page` shows what they found.

        The latest one is kept while nothing changes, so that only its first page takes long.
        """
        asked = (query, contact, sort, only, self._version)
        if self._latest is not None and self._latest[0] == asked and self._latest[1].done:
            return self._latest[1]
        entries = [e for e in self._entries() if contact is None or e.jid == contact]
        entries.sort(key=_online_first)
        search: Search
        if contact is None and not query.split():
            there = [entry for entry in entries if entry.online or not only.online]
            lists = [(entry.names, entry.common) for entry in there]
            search = Everything(sort, lists, self._away, only)
        else:
            names = [entry.names for entry in entries]
            search = Matches(query, sort, names, self._away, only)
        self._latest = (asked, search)
        return search

    def page(
        self, search: Search, offset: int, limit: int, contact: str | None = None
    ) -> FoundPage:
        """
        Some of what a search found; what has gone since then is left out.

        :param contact: whose shares were searched: they are shown as this contact calls them.
        """
        shares = search.page(offset, limit)
        items = [
            self._found(share, contact) for share in shares if share.info_hash in self._holders
        ]
        return FoundPage(search.total, tuple(items))

    def _found(self, share: Share, contact: str | None) -> Found:
        holders = self._holders[share.info_hash]
        contacts = tuple(sorted({entry.jid for entry in holders}))
        online = any(entry.online for entry in holders)
        claims = self.claims(share.info_hash)
        if contact is not None:
            theirs = share.name, share.size
            claims = tuple(sorted(claims, key=lambda claim: (claim.name, claim.size) != theirs))
        differing = claims if len(claims) > 1 else ()
        shown = claims[0]
        return Found(share.info_hash, shown.name, shown.size, contacts, online, differing)

    def _away(self, info_hash: InfoHash) -> bool:
        # Called for each match: a generator expression would take twice as long.
        for entry in self._holders.get(info_hash, ()):  # noqa: SIM110  # see above
            if entry.online:
                return False
        return True

    # ---- the entries

    def _entries(self) -> Iterator[_Entry]:
        for contact in self._contacts.values():
            yield from contact.entries.values()

    @staticmethod
    def _spoken_of_by(contact: _Contact, item_id: str) -> set[str]:
        return {r for r, entry in contact.entries.items() if entry.item_id == item_id}

    @staticmethod
    def _may_speak(contact: _Contact, item_id: str, announcement: Announcement) -> bool:
        resource = announcement.resource
        forgotten = contact.forgotten.get(resource)
        if forgotten is not None and forgotten == _fingerprint(announcement):
            return False
        known = contact.entries.get(resource)
        if known is None:
            return len(contact.entries) < MAX_RESOURCES
        return item_id == resource or known.item_id != resource

    def _put(
        self, jid: str, contact: _Contact, item_id: str, announcement: Announcement
    ) -> CatalogueChange:
        resource = announcement.resource
        contact.forgotten.pop(resource, None)
        entry = contact.entries.get(resource)
        before = None if entry is None else entry.record()
        if entry is None:
            entry = contact.entries[resource] = _Entry(jid, item_id, Announcement(resource))
            entry.online = resource in contact.online
        moved = _where(entry.announcement) != _where(announcement)
        entry.item_id = item_id
        if _goes_on(entry.announcement, announcement):
            new, gone = self._extend(entry, announcement)
        else:
            new, gone = self._replace(entry, _from_nothing(announcement))
        if not new and not gone and entry.record() == before:
            return CatalogueChange()
        entry.last_seen = self._clock()
        return self._changed(entry, new, gone, moved=moved)

    def _replace(
        self, entry: _Entry, announcement: Announcement
    ) -> tuple[Sequence[Share], Sequence[Share]]:
        entry.take(announcement)
        after = announcement.shares
        gone = [share for key, share in entry.shares.items() if after.get(key) != share]
        self._release(entry, gone)
        new = self._hold(entry, [share for key, share in after.items() if key not in entry.shares])
        if new or gone:
            entry.order(after)
        return new, gone

    def _extend(
        self, entry: _Entry, announcement: Announcement
    ) -> tuple[Sequence[Share], Sequence[Share]]:
        """Take what an announcement says of the list that we have, or of a part of it."""
        known = replace(
            entry.announcement,
            addresses=announcement.addresses,
            candidates=announcement.candidates,
        )
        if announcement.revision <= known.revision:
            # It may come after what was read from the resource.
            entry.take(known)
            return (), ()
        if announcement.since <= known.revision:
            entry.take(replace(known, revision=announcement.revision, complete=True))
        else:
            # What we have is of an older revision, which is the one to go on from, and some more.
            entry.take(replace(known, complete=False))
        return self._update(entry, list(announcement.shares.values()), announcement.gone)

    def _update(
        self, entry: _Entry, added: Sequence[Share], gone: Iterable[InfoHash] = ()
    ) -> tuple[Sequence[Share], Sequence[Share]]:
        removed = {key: entry.shares[key] for key in gone if key in entry.shares}
        for share in added:
            known = entry.shares.get(share.info_hash, share)
            if known != share:
                removed[share.info_hash] = known
        self._release(entry, list(removed.values()))
        new = {share.info_hash: share for share in added if share.info_hash not in entry.shares}
        return self._hold(entry, list(new.values())), list(removed.values())

    def _drop(self, contact: _Contact, resource: str) -> CatalogueChange:
        entry = contact.entries.pop(resource)
        gone = list(entry.shares.values())
        self._release(entry, gone)
        return replace(self._changed(entry, (), gone), records={(entry.jid, resource): None})

    def _changed(
        self,
        entry: _Entry,
        new: Sequence[Share],
        gone: Sequence[Share],
        *,
        moved: bool = False,
    ) -> CatalogueChange:
        self._version += 1
        jid, resource = entry.jid, entry.resource
        redialled: set[InfoHash] = set()
        if entry.online:
            redialled.update(share.info_hash for share in (*new, *gone))
            if moved:
                redialled.update(entry.shares)
        return CatalogueChange(
            tuple(Holding(jid, resource, share) for share in new),
            tuple(Holding(jid, resource, share) for share in gone),
            frozenset(redialled),
            records={(jid, resource): entry.record()},
        )

    # ---- the index

    def _hold(self, entry: _Entry, shares: Sequence[Share]) -> Sequence[Share]:
        """Give an entry shares that it does not have; gives those for which there is room."""
        shares = self._that_fit(entry, shares)
        for share in shares:
            holders = self._holders.get(share.info_hash)
            if holders is None:
                self._holders[share.info_hash] = entry.alone
                entry.add(share)
            else:
                self._holders[share.info_hash] = (*holders, entry)
                for holder in (entry, holders[0]):
                    holder.common.add(share.info_hash)
                theirs = holders[0].shares[share.info_hash]
                # What many have is in memory once.
                entry.add(theirs if theirs == share else share)
        self._total += len(shares)
        return shares

    def _that_fit(self, entry: _Entry, shares: Sequence[Share]) -> Sequence[Share]:
        of_contact = sum(len(e.shares) for e in self._contacts[entry.jid].entries.values())
        room = min(
            MAX_SHARES - len(entry.shares),
            self._limits.contact_shares - of_contact,
            self._limits.shares - self._total,
        )
        over = len(shares) - room
        if over <= 0:
            return shares
        self.refused += over
        return shares[over:]

    def _release(self, entry: _Entry, shares: Sequence[Share]) -> None:
        for share in shares:
            info_hash = share.info_hash
            entry.discard(info_hash)
            others = tuple(e for e in self._holders[info_hash] if e is not entry)
            if len(others) == 1:
                others[0].common.discard(info_hash)
                others = others[0].alone
            if others:
                self._holders[info_hash] = others
            else:
                del self._holders[info_hash]
        self._total -= len(shares)


def _online_first(entry: _Entry) -> tuple[bool, str, str]:
    return not entry.online, entry.jid, entry.resource


def _most_first(claim: Claim) -> int:
    return -len(claim.contacts)


def _goes_on(known: Announcement, said: Announcement) -> bool:
    """Whether what is said is but a part of the list that we know."""
    return not said.complete and said.list_id != "" and said.list_id == known.list_id


def _where(said: Announcement) -> object:
    return said.addresses, said.candidates


def _from_nothing(said: Announcement) -> Announcement:
    """What is known by an announcement alone, of whose list nothing was known."""
    if said.complete:
        return said
    complete = said.list_id != "" and said.since == 0
    revision = said.revision if complete else 0
    return replace(said, revision=revision, complete=complete, since=0, gone=())


def _fingerprint(announcement: Announcement) -> str:
    """Equal for announcements that say the same."""
    shares = [(share.info_hash, share.name, share.size) for share in announcement.shares.values()]
    said = (announcement.list_id, announcement.revision) if announcement.list_id else sorted(shares)
    text = repr((announcement.addresses, said))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

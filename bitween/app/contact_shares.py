"""
What contacts share: keeps the catalogue up to date, and searches it.

Each event of the messenger that tells of presence, announcements or the roster changes the
catalogue, which answers with a :class:`CatalogueChange`: what appeared, what went, who came online.
That value goes to the cache on disk, to the callback of :class:`ContactShares`, and, unless it is
empty, to the subscribers of ``changes``.

A PEP item holds only the newest part of a long share list.  Whenever an event shows that the
catalogue lacks a part, the messenger is asked to read it from the device; its pages arrive as
further events.  A device that knows sealed transfers may also keep a list for us alone, which is
read whenever the device comes online.

The catalogue survives a restart: :meth:`ContactShares.restore` loads it from the cache, with every
device offline.  :mod:`bitween.app.device_expiry` drops devices that have not been seen for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IReactorTime

from bitween.app.ports import CatalogueCachePort, MessengerPort
from bitween.errors import ResourceOnline, StoreError, UnknownContact, UnknownResource
from bitween.model.announcement import Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Listing
from bitween.model.catalogue.search import UNFILTERED, Filter, FoundPage
from bitween.model.connection import ConnectionState
from bitween.model.events import (
    ConnectionChanged,
    ContactChanged,
    ContactRemoved,
    ItemPublished,
    ItemRetracted,
    ItemsRead,
    ListingReceived,
    MessengerEvent,
    PresenceChanged,
    PrivateListingReceived,
    RosterRead,
)
from bitween.model.library import Library
from bitween.model.text import printable, safe_name
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import run_in_slices
from bitween.util.observable import Observable


class ContactShares:
    """
    The use cases of what contacts share.

    :ivar catalogue: what every device of every contact announces.
    :ivar changes: hands out every change of the catalogue that is not empty.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        messenger: MessengerPort,
        cache: CatalogueCachePort,
        reactor: IReactorTime,
        changed: Callable[[CatalogueChange], None],
    ) -> None:
        """
        :param changed: called with every change, empty ones included, before ``changes`` hands it
            out.
        """
        self._messenger = messenger
        self._cache = cache
        self._reactor = reactor
        self._changed = changed
        self.catalogue = catalogue
        self.changes: Observable[CatalogueChange] = Observable()

    async def restore(self) -> None:
        """Load what the last run knew; every device is offline until its presence arrives."""
        try:
            await run_in_slices(self._reactor, self._restoring())
        except StoreError:
            self.catalogue.forget_all_but(())

    def _restoring(self) -> Iterator[None]:
        for record, shares in self._cache.load():
            self.catalogue.restore(record, shares)
            yield
        yield from self.catalogue.prepare()

    def listings(self) -> dict[str, dict[str, Listing]]:
        """:returns: what each device announces, by bare JID and resource."""
        return {jid: self.catalogue.listings(jid) for jid in self.catalogue.jids()}

    async def find(
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
        Search what contacts share.

        :param query: words that must all stand in the name, in any case, and ``tag:NAME`` for tags
            that a share must have; or an info-hash, of which the first six digits suffice.
        :param contact: a bare JID, to search only this contact's shares.
        :param sort: one of :data:`bitween.model.catalogue.search.SORTS`.
        :param offset: how many matches to skip.
        :param limit: how many matches to return.
        :param only: restricts the matches.
        :raises UnknownContact: if ``contact`` is neither a contact nor our own account.
        """
        if contact is not None:
            self._check_known(contact)
        if only.online and self._messenger.status.state is not ConnectionState.ONLINE:
            return FoundPage(0, ())
        search = self.catalogue.searches.begin(query, contact, sort, only)
        await run_in_slices(self._reactor, search.steps())
        await run_in_slices(self._reactor, search.ordering(offset + limit))
        return self.catalogue.searches.page(search, offset, limit, contact)

    async def forget_resource(self, jid: str, resource: str) -> None:
        """
        Drop what is known of a device that is gone for good.

        Of our own account, its PEP item is retracted, too.

        :param jid: bare.
        :raises UnknownContact: if ``jid`` is neither a contact nor our own account.
        :raises UnknownResource: if the device has announced nothing.
        :raises ResourceOnline: if it is online.
        :raises NotConnected: if it belongs to our own account and there is no XMPP session.
        :raises RequestRefused: if it belongs to our own account and the server refuses.
        """
        self._check_known(jid)
        listing = self.catalogue.listings(jid).get(resource)
        if listing is None:
            raise UnknownResource.of(
                "unknown_resource.device", jid=jid, resource=printable(resource)
            )
        if listing.online:
            raise ResourceOnline.of("resource_online.device", jid=jid, resource=resource)
        if jid == self._messenger.own_jid:
            await self._messenger.retract(resource)
        self.publish(self.catalogue.forget_resource(jid, resource))

    def handle(self, event: MessengerEvent) -> None:
        """Apply an event to the catalogue, and have missing parts of share lists read."""
        self.publish(self._apply(event))
        if isinstance(event, ItemPublished | ItemsRead | PresenceChanged):
            self._read_missing_lists(event.jid)

    def publish(self, change: CatalogueChange) -> None:
        """Hand a change of the catalogue to all that follow it."""
        self._cache.note(change)
        self._changed(change)
        if change:
            self.changes.notify(change)

    def _apply(self, event: MessengerEvent) -> CatalogueChange:
        # Whose word counts is checked where it arrives, see MessengerPort.events.
        catalogue = self.catalogue
        match event:
            case ConnectionChanged(status=status):
                holds = status.state is ConnectionState.ONLINE or status.resuming
                return CatalogueChange() if holds else catalogue.set_all_offline()
            case RosterRead(trusted=trusted):
                return catalogue.forget_all_but(trusted)
            case ContactRemoved(jid=jid):
                return catalogue.forget(jid)
            case ContactChanged(contact=contact):
                return CatalogueChange() if contact.trusted else catalogue.forget(contact.jid)
            case PresenceChanged(jid=jid, resource=resource, online=online):
                return catalogue.set_online(jid, resource, online)
            case _:
                return self._apply_announcement(event)

    def _apply_announcement(self, event: MessengerEvent) -> CatalogueChange:
        catalogue = self.catalogue
        match event:
            case ItemPublished(jid=jid, item_id=item_id, announcements=announcements):
                return catalogue.replace_item(jid, item_id, announcements)
            case ItemRetracted(jid=jid, item_id=item_id):
                return catalogue.remove_item(jid, item_id)
            case ItemsRead(jid=jid, items=items, refused=refused):
                return catalogue.replace_items(jid, items, refused)
            case ListingReceived(jid=jid, resource=resource, page=page):
                return catalogue.apply_page(jid, resource, page)
            case PrivateListingReceived(jid=jid, resource=resource, page=page):
                return catalogue.private.apply_page(jid, resource, page)
            case _:
                return CatalogueChange()

    def _read_missing_lists(self, jid: str) -> None:
        for resource, listing in self.catalogue.listings(jid).items():
            known = listing.announcement
            if listing.online and known.list_id and not known.complete:
                self._messenger.read_list(jid, resource, known.list_id, known.revision)
            if listing.online and known.sealed:
                self._messenger.read_private(jid, resource)

    def _check_known(self, jid: str) -> None:
        """
        :raises UnknownContact: if that is neither a contact, nor our own account, nor in the
            catalogue.
        """
        if not self._messenger.trusts(jid) and jid not in self.catalogue.jids():
            raise UnknownContact.of("unknown_contact.jid", jid=jid)


def verified_share(library: Library, info_hash: InfoHash) -> Share | None:
    """
    Describe a torrent by its metadata, which its info-hash proves.

    :returns: ``None`` if the torrent is not ours, or its metadata has not arrived.
    """
    if info_hash not in library:
        return None
    torrent = library.get(info_hash)
    if torrent.files is None:
        return None
    return Share(info_hash, safe_name(torrent.name), torrent.progress.total)

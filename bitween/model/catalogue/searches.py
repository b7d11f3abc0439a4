"""Searches over the shares of all contacts."""

from __future__ import annotations

from bitween.model.announcement import Share
from bitween.model.catalogue.devices import Device, Devices
from bitween.model.catalogue.holders import HolderIndex
from bitween.model.catalogue.search import (
    UNFILTERED,
    Everything,
    Filter,
    Found,
    FoundPage,
    Matches,
    Search,
)


class CatalogueSearches:
    """Starts searches, and shows what they find."""

    def __init__(self, devices: Devices, index: HolderIndex) -> None:
        self._devices = devices
        self._index = index
        self._latest: tuple[object, Search] | None = None

    def begin(
        self,
        query: str,
        contact: str | None = None,
        sort: str = "name",
        only: Filter = UNFILTERED,
    ) -> Search:
        """
        Begin a search; when its steps are done, :meth:`page` shows what they found.

        The latest one is kept while nothing changes, so that only its first page takes long.

        :param query: words that must all stand in the name, in any case, and ``tag:NAME`` for tags
            that a share must have; or an info-hash, of which the first six digits suffice.
        :param contact: a bare JID, to search only the shares of this contact.
        :param sort: one of :data:`bitween.model.catalogue.search.SORTS`.
        :param only: restricts the matches.
        """
        request = (query, contact, sort, only, self._devices.version)
        if self._latest is not None and self._latest[0] == request and self._latest[1].done:
            return self._latest[1]
        devices = [device for device in self._devices.lists() if contact in (None, device.jid)]
        devices.sort(key=_online_first)
        search: Search
        if contact is None and not query.split():
            lists = [(d.names, d.common) for d in devices if d.online or not only.online]
            search = Everything(sort, lists, self._index.is_away, only)
        else:
            names = [device.names for device in devices]
            search = Matches(query, sort, names, self._index.is_away, only)
        self._latest = (request, search)
        return search

    def page(
        self, search: Search, offset: int, limit: int, contact: str | None = None
    ) -> FoundPage:
        """
        Show a part of what a search found; torrents that have gone since are left out.

        :param search: a search that has taken all its steps.
        :param offset: the number of shares to skip.
        :param limit: the most shares to return.
        :param contact: the one whose shares were searched: names and sizes are this contact's.
        """
        shares = search.page(offset, limit)
        items = [self._found(share, contact) for share in shares if share.info_hash in self._index]
        return FoundPage(search.total, tuple(items))

    def _found(self, share: Share, contact: str | None) -> Found:
        info_hash = share.info_hash
        claims = self._index.claims(info_hash)
        if contact is not None:
            own = share.name, share.size
            claims = tuple(sorted(claims, key=lambda claim: (claim.name, claim.size) != own))
        return Found(
            info_hash,
            claims[0].name,
            claims[0].size,
            contacts=tuple(self._index.contacts(info_hash)),
            online=not self._index.is_away(info_hash),
            claims=claims if len(claims) > 1 else (),
            annotation=self._index.annotation(info_hash, contact),
            locked=self._index.is_locked(info_hash),
        )


def _online_first(device: Device) -> tuple[bool, str, str, bool]:
    return not device.online, device.jid, device.resource, device.private

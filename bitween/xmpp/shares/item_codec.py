"""
Values <-> XML: what a PEP item of the node :data:`NS_SHARES` says.

The form is the prototype's::

    <user_shares xmlns='https://xmpp.kwoh.de/protocol/shares'>
      <resource resource='laptop'>
        <share_item name='holiday' hash='(v1 info-hash, 40 hex)' size='123'/>
        <ip_address address='192.0.2.7' port='6881'/>
        <candidate xmlns='urn:bitween:1' address='192.0.2.7' port='6881' kind='mapped'/>
        <list xmlns='urn:bitween:1' id='5f0c…' revision='1' count='1' size='123'/>
      </resource>
    </user_shares>

What bitween adds is of the namespace :data:`NS_BITWEEN`.  ``candidate`` says more of an address, or
names one that is good for meeting only.  ``list`` says which list of the resource that is, at which
revision, with how many shares and bytes; with ``more='true'`` the item holds only what changed
after the revision ``since``.  ``docs/protocol.rst`` has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from twisted.words.xish import domish
from wokkel.pubsub import Item

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.announcement import MAX_SHARES, Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.model.share_list import Change, ShareList
from bitween.model.text import printable
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.jids import MAX_RESOURCE
from bitween.xmpp.namespaces import NS_BITWEEN, NS_SHARES
from bitween.xmpp.shares.candidate_codec import (
    MAX_CANDIDATES,
    address_element,
    candidate_element,
    parse_address,
    parse_candidate,
)
from bitween.xmpp.shares.entry_codec import (
    change_element,
    parse_list_id,
    parse_revision,
    parse_share,
    share_element,
)

#: bytes of an item that holds a whole list: what goes out in one burst, so that nothing ever waits
#: behind it.
MAX_WHOLE = 16_000
#: bytes of an item that holds only what changed; a long resource or many addresses come on top.
MAX_CHANGED = 1600
MAX_ADDRESSES = 32
#: Removals that are read from one item or page.
MAX_GONE = 1000

# bytes of a share without a name, at the least.
_LEAST_SHARE = 80
# bytes kept for what surrounds the changes: the elements, count and size.
_FRAME = 500
# bytes for changes that an item has, however much else stands in it.
_LEAST_ROOM = 600


@dataclass(frozen=True, slots=True)
class Parsed:
    """
    What a PEP item says.

    :param dropped: how many entries were malformed or too many.
    """

    announcements: tuple[Announcement, ...] = ()
    dropped: int = 0


def parse_item(item: Any) -> Parsed:
    """
    Read a PEP item from somebody whom one cannot trust to have made it well.

    A bad entry is dropped and counted, the rest stands.

    :param item: the ``item`` element; any element at all will do.
    """
    reader = _Reader()
    return Parsed(tuple(reader.announcements(item)), reader.dropped)


def whole_item(
    resource: str, shares: ShareList, candidates: Sequence[Candidate], limit: int = MAX_WHOLE
) -> Any:
    """
    Say in a PEP item all that one of our resources shares.

    :param resource: also the item's id.
    :param candidates: best first; as many are taken as a reader takes.
    :param limit: bytes of the whole item.
    :returns: ``None`` if not everything fits.
    """
    if len(shares) * _LEAST_SHARE > limit:
        return None
    entries = (c.share for c in shares.changes(0, shares.revision) if c.share is not None)
    head = _list_element(shares)
    where = _where(candidates)
    item = _item(resource, (*map(share_element, entries), *where, head))
    return item if _size(item) <= limit else None


def changed_item(resource: str, shares: ShareList, candidates: Sequence[Candidate]) -> Any:
    """
    Say in a small PEP item what changed last in what one of our resources shares.

    :param resource: also the item's id.
    :param candidates: best first; as many are taken as a reader takes.
    """
    where = _where(candidates)
    said = sum(map(_size, where))
    room = max(_LEAST_ROOM, MAX_CHANGED - _FRAME - 2 * len(resource.encode()) - said)
    changes, since = _last_changes(shares, room)
    head = _list_element(shares)
    head["more"] = "true"
    head["since"] = str(since)
    for change in changes:
        if change.share is None:
            head.addChild(change_element(change))
    entries = [share_element(c.share) for c in changes if c.share is not None]
    return _item(resource, (*entries, *where, head))


def list_state(item: Any) -> tuple[str, int]:
    """Which list an item of ours tells of, and its revision; an empty id if that is not said."""
    payload = payload_of(item)
    body = None if payload is None else next(payload.elements(NS_SHARES, "resource"), None)
    head = None if body is None else _list_of(body)
    return ("", 0) if head is None else (head.list_id, head.revision)


def canonical(element: Any, depth: int = 4) -> object:
    """
    Give a value that is equal for elements which say the same, however a server wrote them down.

    :param depth: levels below which nothing is looked at.
    """
    if depth == 0:
        return None
    children = [canonical(child, depth - 1) for child in element.elements()]
    return element.uri, element.name, frozenset(element.attributes.items()), tuple(children)


def payload_of(item: Any) -> Any:
    """The ``user_shares`` of an item, ``None`` if it has none."""
    return next(item.elements(NS_SHARES, "user_shares"), None)


class _Reader:
    """Reads one item, within bounds, and counts what it drops."""

    def __init__(self) -> None:
        self.dropped = 0
        self._shares_left = MAX_SHARES

    def announcements(self, item: Any) -> Iterator[Announcement]:
        payload = payload_of(item)
        seen: set[str] = set()
        for element in () if payload is None else payload.elements(NS_SHARES, "resource"):
            name = element.getAttribute("resource")
            if not _is_resource(name) or name in seen or len(seen) >= MAX_RESOURCES:
                self.dropped += 1
                continue
            seen.add(name)
            shares = MappingProxyType(self._shares(element))
            addresses = tuple(self._addresses(element))
            candidates = tuple(self._candidates(element, addresses))
            said = Announcement(name, shares, addresses, candidates=candidates)
            head = _list_of(element)
            if head is None:
                yield said
            elif not head.more:
                yield replace(said, list_id=head.list_id, revision=head.revision)
            else:
                yield replace(
                    said,
                    list_id=head.list_id,
                    revision=head.revision,
                    complete=False,
                    since=head.since,
                    gone=tuple(self._gone(head.element)),
                )

    def _shares(self, element: Any) -> dict[InfoHash, Share]:
        shares: dict[InfoHash, Share] = {}
        for entry in element.elements(NS_SHARES, "share_item"):
            try:
                share = parse_share(entry)
            except InvalidValue:
                self.dropped += 1
                continue
            if share.info_hash in shares or self._shares_left == 0:
                self.dropped += 1
                continue
            self._shares_left -= 1
            shares[share.info_hash] = share
        return shares

    def _gone(self, element: Any) -> Iterator[InfoHash]:
        for number, entry in enumerate(element.elements(NS_BITWEEN, "gone")):
            try:
                if number >= MAX_GONE:
                    raise InvalidValue("more removals than are read")
                yield parse_info_hash(entry.getAttribute("hash"))
            except InvalidValue:
                self.dropped += 1

    def _addresses(self, element: Any) -> dict[PeerAddress, None]:
        addresses: dict[PeerAddress, None] = {}
        for entry in element.elements(NS_SHARES, "ip_address"):
            try:
                address = parse_address(entry)
            except InvalidValue:
                self.dropped += 1
                continue
            if address in addresses or len(addresses) >= MAX_ADDRESSES:
                self.dropped += 1
                continue
            addresses[address] = None
        return addresses

    def _candidates(self, element: Any, addresses: Iterable[PeerAddress]) -> Iterable[Candidate]:
        said: dict[PeerAddress, Candidate] = {}
        for entry in element.elements(NS_BITWEEN, "candidate"):
            try:
                candidate = parse_candidate(entry)
            except InvalidValue:
                self.dropped += 1
                continue
            if candidate.address in said or len(said) >= MAX_CANDIDATES:
                self.dropped += 1
                continue
            said[candidate.address] = candidate
        dialled = {address: said.get(address, Candidate(address)) for address in addresses}
        return (dialled | said).values()


def _is_resource(name: object) -> bool:
    """Whether this can be the resource of a JID; it has to be equal to it, so it is not mended."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_RESOURCE
        and len(name.encode("utf-8", "replace")) <= MAX_RESOURCE
        and printable(name, MAX_RESOURCE) == name
    )


@dataclass(frozen=True, slots=True)
class _Head:
    """What a ``list`` element says."""

    element: Any
    list_id: str
    revision: int
    more: bool
    since: int


def _list_of(element: Any) -> _Head | None:
    """
    Read the ``list`` of a resource, ``None`` if it has none.

    One whose numbers make no sense has neither id nor revision, so nobody goes on from it.
    """
    head = next(element.elements(NS_BITWEEN, "list"), None)
    if head is None:
        return None
    more = head.getAttribute("more") in ("true", "1")
    try:
        list_id = parse_list_id(head.getAttribute("id"))
        revision = parse_revision(head.getAttribute("revision"))
        since = parse_revision(head.getAttribute("since")) if more else 0
        if since > revision:
            raise InvalidValue("changes since a revision that is still to come")
    except InvalidValue:
        return _Head(head, "", 0, more, 0)
    return _Head(head, list_id, revision, more, since)


def _item(resource: str, content: Iterable[Any]) -> Any:
    payload = domish.Element((NS_SHARES, "user_shares"))
    body = payload.addElement("resource")
    body["resource"] = resource
    for element in content:
        body.addChild(element)
    return Item(resource, payload)


def _last_changes(shares: ShareList, room: int) -> tuple[list[Change], int]:
    """
    The last changes that fit into so many bytes, in order of revision.

    :returns: them, and the revision after which they are all that changed.
    """
    chosen: list[Change] = []
    for change in shares.newest_first():
        room -= _size(change_element(change))
        if room < 0:
            # Of what was removed up to the horizon, nothing can be told.
            return chosen[::-1], max(change.revision, shares.horizon)
        chosen.append(change)
    return chosen[::-1], shares.horizon


def _where(candidates: Sequence[Candidate]) -> list[Any]:
    """Say where we are: what anybody may dial as the prototype says it, and what is to be added."""
    dialled = [c.address for c in candidates if c.dialable][:MAX_ADDRESSES]
    more = [c for c in candidates if c != Candidate(c.address)][:MAX_CANDIDATES]
    return [
        *(address_element(address, NS_SHARES, "ip_address") for address in dialled),
        *map(candidate_element, more),
    ]


def _list_element(shares: ShareList) -> Any:
    element = domish.Element((NS_BITWEEN, "list"))
    element["id"] = shares.list_id
    element["revision"] = str(shares.revision)
    element["count"] = str(len(shares))
    element["size"] = str(shares.size)
    return element


def _size(element: Any) -> int:
    """Bytes of an element."""
    return len(element.toXml(defaultUri=element.uri).encode())

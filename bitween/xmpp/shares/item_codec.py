"""
Values <-> XML: the PEP items of the node ``NS_SHARES``.

The form is the prototype's::

    <user_shares xmlns='https://xmpp.kwoh.de/protocol/shares'>
      <resource resource='laptop'>
        <share_item name='holiday' hash='(v1 info-hash, 40 hex)' size='123'/>
        <ip_address address='192.0.2.7' port='6881'/>
        <list xmlns='urn:bitween:1' id='5f0c…' revision='1' count='1' size='123'/>
        <device xmlns='urn:bitween:2'>…</device>
      </resource>
    </user_shares>

What bitween adds is in namespaces of its own.  ``list`` names the device's list and its revision,
with the number of shares and bytes; with ``more='true'`` the item holds only the changes after the
revision ``since``.  ``device`` (``device_codec.py``) has the addresses at which the device speaks
sealed transfers, and a signature; beside it, ``ip_address`` is for plain peers only.  bitween 0.1
had no ``device``, but a ``candidate`` for some addresses.  ``docs/protocol.rst`` has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_BITWEEN, NS_SHARES
from bitween.xmpp.shares.candidate_codec import (
    MAX_CANDIDATES,
    address_element,
    parse_address,
    parse_candidate,
)
from bitween.xmpp.shares.device_codec import (
    AnnouncementSigner,
    device_element,
    device_of,
    is_resource,
    lasting_attributes,
    parse_device,
    sign_device,
    statement_end,
)
from bitween.xmpp.shares.entry_codec import (
    change_element,
    parse_list_id,
    parse_revision,
    parse_share,
    share_element,
)

#: bytes of an item that holds a whole list: it goes out in one burst, so no stanza waits for it.
MAX_WHOLE = 16_000
#: bytes of an item that holds only changes; a long resource or many addresses come on top.
MAX_CHANGED = 1600
MAX_ADDRESSES = 32
#: Removals that are read from one item.
MAX_GONE = 1000

# bytes of a share without a name, at the least.
_LEAST_SHARE = 80
# bytes kept for what surrounds the changes: the elements, count and size.
_FRAME = 500
# bytes of a key, its signature and the times.
_SIGNED = 250
# bytes for changes in an item, however much else it holds.
_LEAST_ROOM = 600


@dataclass(frozen=True, slots=True)
class Parsed:
    """
    The content of a PEP item.

    :param dropped: how many entries were malformed or too many.
    :param bodies: the element of each announcement, by resource.
    """

    announcements: tuple[Announcement, ...] = ()
    dropped: int = 0
    bodies: Mapping[str, Element] = field(default_factory=dict)


def parse_item(item: Element) -> Parsed:
    """
    Read a PEP item; the sender is not trusted to have made it well.

    A malformed entry is dropped and counted; the others stay.

    :param item: the ``item`` element; any element at all will do.
    """
    reader = _Reader()
    return Parsed(tuple(reader.announcements(item)), reader.dropped, reader.bodies)


@dataclass(frozen=True, slots=True)
class OwnPlaces:
    """
    Where this device can be reached.

    :param candidates: of the sealed port, best first; those beyond what a reader takes are left
        out.
    :param plain: where plain peers may dial, best first; the same.
    """

    candidates: tuple[Candidate, ...] = ()
    plain: tuple[PeerAddress, ...] = ()


def whole_item(
    resource: str,
    shares: ShareList,
    places: OwnPlaces,
    limit: int = MAX_WHOLE,
    signer: AnnouncementSigner | None = None,
) -> Any:
    """
    Make the PEP item with all shares of this device.

    :param resource: also the item's id.
    :param shares: our share list.
    :param limit: bytes of the whole item.
    :param signer: signs it; ``None`` to leave it unsigned.
    :returns: ``None`` if not everything fits.
    """
    if len(shares) * _LEAST_SHARE > limit:
        return None
    entries = (c.share for c in shares.changes(0, shares.revision) if c.share is not None)
    head = _list_element(shares)
    content = (*map(share_element, entries), *_place_elements(places), head)
    item = _item(resource, content, signer)
    return item if _size(item) <= limit else None


def changed_item(
    resource: str,
    shares: ShareList,
    places: OwnPlaces,
    signer: AnnouncementSigner | None = None,
) -> Element:
    """
    Make a small PEP item with the last changes of this device's share list.

    :param resource: also the item's id.
    :param shares: our share list.
    :param signer: signs it; ``None`` to leave it unsigned.
    """
    elements = _place_elements(places)
    used = sum(map(_size, elements)) + (_SIGNED if signer else 0)
    room = max(_LEAST_ROOM, MAX_CHANGED - _FRAME - 2 * len(resource.encode()) - used)
    changes, since = _last_changes(shares, room)
    head = _list_element(shares)
    head["more"] = "true"
    head["since"] = str(since)
    for change in changes:
        if change.share is None:
            head.addChild(change_element(change))
    entries = [share_element(c.share) for c in changes if c.share is not None]
    return _item(resource, (*entries, *elements, head), signer)


def list_state(item: Element) -> tuple[str, int]:
    """
    Return the id and the revision of the list in our item; an empty id if it has none.

    :param item: the ``item`` element.
    """
    body = _body_of(item)
    head = None if body is None else _list_of(body)
    return ("", 0) if head is None else (head.list_id, head.revision)


def canonical(element: Element | None, depth: int = 4, *, lasting: bool = False) -> object:
    """
    Return a value that is equal for elements that mean the same, however a server serialized them.

    :param depth: levels to compare.
    :param lasting: whether two statements of a device are equal that differ in time and signature.
    """
    if element is None or depth == 0:
        return None
    attributes = lasting_attributes(element) if lasting else element.attributes.items()
    children = [canonical(child, depth - 1, lasting=lasting) for child in element.elements()]
    return element.uri, element.name, frozenset(attributes), tuple(children)


def signature_end(item: Element) -> int:
    """Until when the signature of our item counts, in seconds since the epoch; 0 if it has none."""
    body = _body_of(item)
    return 0 if body is None else statement_end(body)


def _body_of(item: Element) -> Element | None:
    payload = payload_of(item)
    return None if payload is None else next(payload.elements(NS_SHARES, "resource"), None)


def payload_of(item: Element) -> Element | None:
    """Return the ``user_shares`` of an item; ``None`` if it has none."""
    return next(item.elements(NS_SHARES, "user_shares"), None)


class _Reader:
    """Reads one item, within bounds, and counts what it drops."""

    def __init__(self) -> None:
        self.dropped = 0
        self.bodies: dict[str, Element] = {}
        self._shares_left = MAX_SHARES

    def announcements(self, item: Element) -> Iterator[Announcement]:
        payload = payload_of(item)
        seen: set[str] = set()
        for element in () if payload is None else payload.elements(NS_SHARES, "resource"):
            name = element.getAttribute("resource")
            if not is_resource(name) or name in seen or len(seen) >= MAX_RESOURCES:
                self.dropped += 1
                continue
            seen.add(name)
            shares = MappingProxyType(self._shares(element))
            announcement = replace(self._described(element), resource=name, shares=shares)
            self.bodies[name] = element
            head = _list_of(element)
            if head is None:
                yield announcement
            elif not head.more:
                yield replace(announcement, list_id=head.list_id, revision=head.revision)
            else:
                yield replace(
                    announcement,
                    list_id=head.list_id,
                    revision=head.revision,
                    complete=False,
                    since=head.since,
                    gone=tuple(self._gone(head.element)),
                )

    def _described(self, element: Element) -> Announcement:
        """Read what a resource says about itself."""
        device = device_of(element)
        if device is None:
            addresses = tuple(self._addresses(element))
            candidates = tuple(self._candidates(element, addresses))
            return Announcement("", addresses=addresses, candidates=candidates)
        parsed = parse_device(device)
        self.dropped += parsed.dropped
        return Announcement(
            "",
            addresses=tuple(c.address for c in parsed.candidates if c.dialable),
            candidates=parsed.candidates,
            sealed=True,
            device=parsed.statement,
        )

    def _shares(self, element: Element) -> dict[InfoHash, Share]:
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

    def _gone(self, element: Element) -> Iterator[InfoHash]:
        for number, entry in enumerate(element.elements(NS_BITWEEN, "gone")):
            try:
                if number >= MAX_GONE:
                    raise InvalidValue("more removals than are read")
                yield parse_info_hash(entry.getAttribute("hash"))
            except InvalidValue:
                self.dropped += 1

    def _addresses(self, element: Element) -> dict[PeerAddress, None]:
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

    def _candidates(
        self, element: Element, addresses: Iterable[PeerAddress]
    ) -> Iterable[Candidate]:
        candidates: dict[PeerAddress, Candidate] = {}
        for entry in element.elements(NS_BITWEEN, "candidate"):
            try:
                candidate = parse_candidate(entry)
            except InvalidValue:
                self.dropped += 1
                continue
            if candidate.address in candidates or len(candidates) >= MAX_CANDIDATES:
                self.dropped += 1
                continue
            candidates[candidate.address] = candidate
        dialled = {address: candidates.get(address, Candidate(address)) for address in addresses}
        return (dialled | candidates).values()


@dataclass(frozen=True, slots=True)
class _Head:
    """The content of a ``list`` element."""

    element: Element
    list_id: str
    revision: int
    more: bool
    since: int


def _list_of(element: Element) -> _Head | None:
    """
    Read the ``list`` of a device; ``None`` if it has none.

    A malformed one gets neither id nor revision, so no reading continues from it.
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
            raise InvalidValue("changes since a later revision")
    except InvalidValue:
        return _Head(head, "", 0, more, 0)
    return _Head(head, list_id, revision, more, since)


def _item(resource: str, content: Iterable[Any], signer: AnnouncementSigner | None) -> Element:
    payload = domish.Element((NS_SHARES, "user_shares"))
    body = payload.addElement("resource")
    body["resource"] = resource
    for element in content:
        body.addChild(element)
    if signer is not None:
        sign_device(body, signer)
    item: Element = Item(resource, payload)
    return item


def _last_changes(shares: ShareList, room: int) -> tuple[list[Change], int]:
    """
    Choose the last changes that fit into so many bytes.

    :returns: the changes in order of revision, and the revision after which they are complete.
    """
    chosen: list[Change] = []
    for change in shares.newest_first():
        room -= _size(change_element(change))
        if room < 0:
            # Removals up to the horizon are no longer known.
            return chosen[::-1], max(change.revision, shares.horizon)
        chosen.append(change)
    return chosen[::-1], shares.horizon


def _place_elements(places: OwnPlaces) -> list[Any]:
    """Make the elements of our addresses: the prototype's for plain peers, and our device."""
    return [
        *(address_element(a, NS_SHARES, "ip_address") for a in places.plain[:MAX_ADDRESSES]),
        device_element(places.candidates),
    ]


def _list_element(shares: ShareList) -> Element:
    element: Element = domish.Element((NS_BITWEEN, "list"))
    element["id"] = shares.list_id
    element["revision"] = str(shares.revision)
    element["count"] = str(len(shares))
    element["size"] = str(shares.size)
    return element


def _size(element: Element) -> int:
    """Return the serialized size in bytes."""
    return len(element.toXml(defaultUri=element.uri).encode())

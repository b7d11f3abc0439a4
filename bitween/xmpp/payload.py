"""
Values <-> XML: what a PEP item of the node :data:`NS_SHARES` says.

The form is the prototype's::

    <user_shares xmlns='https://xmpp.kwoh.de/protocol/shares'>
      <resource resource='laptop'>
        <share_item name='holiday' hash='(v1 info-hash, 40 hex)' size='123'/>
        <ip_address address='192.0.2.7' port='6881'/>
        <list xmlns='urn:bitween:1' count='1' size='123'/>
      </resource>
    </user_shares>

What bitween adds stands in the namespace :data:`NS_BITWEEN`: ``list`` gives count and total size of
all that the resource shares, and ``more='true'`` where not all of it stands in the item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from twisted.words.xish import domish
from wokkel.pubsub import Item

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue import MAX_RESOURCES
from bitween.model.text import REPLACEMENT, printable, safe_name
from bitween.model.torrent import MAX_SIZE, InfoHash, parse_info_hash
from bitween.xmpp.jids import MAX_RESOURCE

#: The prototype's node, and the namespace of its payload.
NS_SHARES = "https://xmpp.kwoh.de/protocol/shares"
#: The namespace of what bitween adds.
NS_BITWEEN = "urn:bitween:1"

#: bytes; the whole item.  Servers close the stream at a stanza of 262,144.
MAX_ITEM = 60_000
MAX_SHARES = 10_000
MAX_ADDRESSES = 32
MAX_NAME = 255

# What XML 1.0 §2.2 does not allow; a server closes the stream at the first one.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# bytes kept for what surrounds the shares: the elements, count and size, the resource's name.
_FRAME = 600


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


def build_item(
    resource: str, shares: Sequence[Share], addresses: Sequence[PeerAddress], limit: int = MAX_ITEM
) -> Any:
    """
    Say in a PEP item what one of our resources shares.

    While not everything fits, the newest shares stand in it.

    :param resource: also the item's id.
    :param shares: oldest first.
    :param addresses: best first; the first 32 are taken.
    :param limit: bytes of the whole item.
    """
    payload = domish.Element((NS_SHARES, "user_shares"))
    body = payload.addElement("resource")
    body["resource"] = resource
    dialled = [_address_element(address) for address in addresses[:MAX_ADDRESSES]]
    room = limit - _FRAME - 2 * _size(body) - sum(map(_size, dialled))
    inline = _newest_that_fit(shares, room)
    for element in (*inline, *dialled, _list_element(shares, len(inline))):
        body.addChild(element)
    return Item(resource, payload)


def xml_text(text: str, limit: int = MAX_NAME) -> str:
    """Make a text of ours such that XML can carry it and it disturbs nobody."""
    return _NOT_XML.sub(REPLACEMENT, printable(text, limit))


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
            yield Announcement(name, shares, tuple(self._addresses(element)))

    def _shares(self, element: Any) -> dict[InfoHash, Share]:
        shares: dict[InfoHash, Share] = {}
        for entry in element.elements(NS_SHARES, "share_item"):
            try:
                share = _parse_share(entry)
            except InvalidValue:
                self.dropped += 1
                continue
            if share.info_hash in shares or self._shares_left == 0:
                self.dropped += 1
                continue
            self._shares_left -= 1
            shares[share.info_hash] = share
        return shares

    def _addresses(self, element: Any) -> dict[PeerAddress, None]:
        addresses: dict[PeerAddress, None] = {}
        for entry in element.elements(NS_SHARES, "ip_address"):
            try:
                address = PeerAddress.parse(
                    entry.getAttribute("address"), entry.getAttribute("port")
                )
            except InvalidValue:
                self.dropped += 1
                continue
            if address in addresses or len(addresses) >= MAX_ADDRESSES:
                self.dropped += 1
                continue
            addresses[address] = None
        return addresses


def _is_resource(name: object) -> bool:
    """Whether this can be the resource of a JID; it has to be equal to it, so it is not mended."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_RESOURCE
        and len(name.encode("utf-8", "replace")) <= MAX_RESOURCE
        and printable(name, MAX_RESOURCE) == name
    )


def _parse_share(entry: Any) -> Share:
    name = entry.getAttribute("name")
    if not isinstance(name, str):
        raise InvalidValue("a share without a name")
    return Share(
        parse_info_hash(entry.getAttribute("hash")),
        safe_name(name, MAX_NAME),
        _parse_size(entry.getAttribute("size")),
    )


def _parse_size(text: object) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 19:
        size = int(text)
        if size <= MAX_SIZE:
            return size
    raise InvalidValue("a size is a number of bytes")


def _newest_that_fit(shares: Sequence[Share], room: int) -> list[Any]:
    chosen: list[Any] = []
    for share in reversed(shares):
        element = _share_element(share)
        room -= _size(element)
        if room < 0 or len(chosen) >= MAX_SHARES:
            break
        chosen.append(element)
    chosen.reverse()
    return chosen


def _share_element(share: Share) -> Any:
    element = domish.Element((NS_SHARES, "share_item"))
    element["name"] = xml_text(share.name)
    element["hash"] = share.info_hash
    element["size"] = str(share.size)
    return element


def _address_element(address: PeerAddress) -> Any:
    element = domish.Element((NS_SHARES, "ip_address"))
    element["address"] = address.address
    element["port"] = str(address.port)
    return element


def _list_element(shares: Sequence[Share], inline: int) -> Any:
    element = domish.Element((NS_BITWEEN, "list"))
    element["count"] = str(len(shares))
    element["size"] = str(sum(share.size for share in shares))
    if inline < len(shares):
        element["more"] = "true"
    return element


def _size(element: Any) -> int:
    """Bytes of an element within ``user_shares``."""
    return len(element.toXml(defaultUri=NS_SHARES).encode())

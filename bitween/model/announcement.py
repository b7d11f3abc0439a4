"""What one resource says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bitween.model.address import PeerAddress
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class Share:
    """
    One thing that a resource shares.

    :param name: text to show, never a path.
    :param size: bytes.
    """

    info_hash: InfoHash
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """
    One resource's shares and the addresses at which it can be dialled.

    :param resource: the XMPP resource that is spoken of.
    :param shares: oldest first.
    :param list_id: names the list of which ``revision`` counts the changes; empty if it has none.
    :param revision: how many changes of the list are in ``shares``.
    :param complete: whether ``shares`` is the whole list.
    """

    resource: str
    shares: Mapping[InfoHash, Share] = field(default_factory=lambda: MappingProxyType({}))
    addresses: tuple[PeerAddress, ...] = ()
    list_id: str = ""
    revision: int = 0
    complete: bool = True

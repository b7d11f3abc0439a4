"""The route to a contact's device, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Self

from bitween.errors import BitweenError
from bitween.messages import Value
from bitween.messages.catalogue import english
from bitween.model.address import PeerAddress

#: The loopback addresses that the relay assigns to contacts' devices; nothing else may use them.
RELAY_NETWORK = IPv4Network("127.1.0.0/16")


class RouteKind(StrEnum):
    """The kinds of route, best first."""

    LAN = "lan"
    IPV6 = "ipv6"
    IPV4 = "ipv4"
    MAPPED = "mapped"
    PUNCHED = "punched"  # both sides dialled at once, over uTP
    RELAY = "relay"  # through an XMPP server's proxy (XEP-0065)
    IN_BAND = "in_band"  # within the XMPP stream (XEP-0047), small torrents only


@dataclass(frozen=True, slots=True)
class Obstacle:
    """
    Why a route is not possible.

    :param reason: one line.
    :param fix: what would help, in one line; empty if that is unknown.
    :param id: the id of its message; empty if only the reason says it.
    :param values: the variable parts of the message by name.
    :param error: the class of the error that this was; ``None`` if it was none.
    """

    reason: str
    fix: str = ""
    id: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    error: type[BitweenError] | None = None

    @classmethod
    def of(cls, id_: str, /, **values: Value) -> Self:
        """Make an obstacle that says a message (:mod:`bitween.messages`)."""
        return cls(*english(id_, values), id_, values)

    @classmethod
    def of_error(cls, error: BitweenError) -> Self:
        """Make an obstacle of an error."""
        return cls(error.message, error.hint, error.id, error.values, type(error))


@dataclass(frozen=True, slots=True)
class Route:
    """
    The route to one device.

    :param kind: ``None`` if there is no route, or none is known yet.
    :param address: the address that is dialled; of a relay, the local one that stands for it.
    :param through: the relay's JID; empty if there is none.
    :param obstacles: why there is no better route, or none at all; empty if nothing is known.
    :param inbound_only: whether the device has to dial us, because we cannot dial it.
    """

    kind: RouteKind | None = None
    address: PeerAddress | None = None
    through: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    inbound_only: bool = False

    @property
    def reason(self) -> str:
        """Why there is no better route, or none at all, in one line; empty if nothing is known."""
        return "; ".join(obstacle.reason for obstacle in self.obstacles)

    @property
    def fix(self) -> str:
        """What would help, in one line: the fix of the last obstacle, which is the easiest."""
        fixes = [obstacle.fix for obstacle in self.obstacles if obstacle.fix]
        return fixes[-1] if fixes else ""

    @property
    def text(self) -> str:
        """The route as text, for a person; empty if nothing is known."""
        if self.kind is None:
            return f"not reachable: {self.reason}" if self.reason else ""
        if self.kind is RouteKind.RELAY:
            return f"by relay at {self.through}"
        return _WORDS[self.kind]


_WORDS = {
    RouteKind.LAN: "direct (LAN)",
    RouteKind.IPV6: "direct (IPv6)",
    RouteKind.IPV4: "direct (IPv4)",
    RouteKind.MAPPED: "direct (mapped)",
    RouteKind.PUNCHED: "hole punched",
    RouteKind.IN_BAND: "in band",
}

#: No connection was attempted yet.
UNTRIED = Route()


@dataclass(frozen=True, slots=True)
class RelayRoute:
    """
    The route of streams to one device through XMPP servers, when no direct route works.

    :param through: the JID of the proxy; empty if they go in band, within the XMPP stream.
    :param most: bytes of the largest torrent for which the route is used; ``None`` for any size.
    """

    through: str = ""
    most: int | None = None

    @property
    def in_band(self) -> bool:
        """Whether streams go in band, which is slow."""
        return self.most is not None

"""How a resource of a contact is reached, or why it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from bitween.errors import BitweenError
from bitween.model.address import PeerAddress


class RouteKind(StrEnum):
    """The rungs of the ladder of connection, best first."""

    LAN = "lan"
    IPV6 = "ipv6"
    IPV4 = "ipv4"
    MAPPED = "mapped"
    PUNCHED = "punched"  # both sides dialled at once, over uTP
    RELAY = "relay"  # through an XMPP server's proxy (XEP-0065)
    IN_BAND = "in_band"  # within the XMPP stream (XEP-0047), small things only


@dataclass(frozen=True, slots=True)
class Obstacle:
    """
    Why something cannot be, or is not.

    :param reason: in a line.
    :param fix: what would help, in a line; empty if nothing is known to.
    :param detail: what exactly it is, a word that stays; empty where only the reason tells.
    :param values: what the reason tells beside that, by name, so that the same can be said in
        another language.
    :param error: of which kind the error was; ``None`` for what no error told.
    """

    reason: str
    fix: str = ""
    detail: str = ""
    values: Mapping[str, str | int] = field(default_factory=dict)
    error: type[BitweenError] | None = None

    @classmethod
    def of(cls, error: BitweenError) -> Self:
        """What an error stands for."""
        return cls(error.message, error.hint, error.detail, error.values, type(error))


@dataclass(frozen=True, slots=True)
class Route:
    """
    The way to one resource.

    :param kind: ``None`` where there is no way, or none is known yet.
    :param address: what is dialled; of a relay the local one that stands for it.
    :param through: the relay's JID; empty where there is none.
    :param obstacles: why there is no better way, or none at all; empty if nothing is known.
    :param inbound_only: whether it has to dial us, for we could not dial it.
    """

    kind: RouteKind | None = None
    address: PeerAddress | None = None
    through: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    inbound_only: bool = False

    @property
    def reason(self) -> str:
        """Why there is no better way, or none at all, in a line; empty if nothing is known."""
        return "; ".join(obstacle.reason for obstacle in self.obstacles)

    @property
    def fix(self) -> str:
        """What would help, in a line: against what was met last, for it is the easiest to mend."""
        fixes = [obstacle.fix for obstacle in self.obstacles if obstacle.fix]
        return fixes[-1] if fixes else ""

    @property
    def text(self) -> str:
        """The way in words, for a person; empty where nothing is known."""
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

#: Nobody has tried yet.
UNTRIED = Route()

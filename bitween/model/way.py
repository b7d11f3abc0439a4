"""How a resource of a contact is reached, or why it is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bitween.model.address import PeerAddress


class Rung(StrEnum):
    """The rungs of the ladder of connection, best first."""

    LAN = "lan"
    IPV6 = "ipv6"
    IPV4 = "ipv4"
    MAPPED = "mapped"
    PUNCHED = "punched"  # both sides dialled at once, over uTP
    RELAY = "relay"  # through an XMPP server's proxy (XEP-0065)
    IN_BAND = "in_band"  # within the XMPP stream (XEP-0047), small things only


@dataclass(frozen=True, slots=True)
class Way:
    """
    The way to one resource.

    :param rung: ``None`` where there is no way, or none is known yet.
    :param address: what is dialled; of a relay the local one that stands for it.
    :param through: the relay's JID; empty where there is none.
    :param reason: why there is no better way, or none at all, in a line; empty if nothing is known.
    :param fix: what would help, in a line.
    :param comes: whether it has to dial us, for we could not dial it.
    """

    rung: Rung | None = None
    address: PeerAddress | None = None
    through: str = ""
    reason: str = ""
    fix: str = ""
    comes: bool = False

    @property
    def text(self) -> str:
        """The way in words, for a person."""
        if self.rung is None:
            return f"not reachable: {self.reason}" if self.reason else "not tried yet"
        if self.rung is Rung.RELAY:
            return f"by relay at {self.through}"
        return _WORDS[self.rung]


_WORDS = {
    Rung.LAN: "direct (LAN)",
    Rung.IPV6: "direct (IPv6)",
    Rung.IPV4: "direct (IPv4)",
    Rung.MAPPED: "direct (mapped)",
    Rung.PUNCHED: "hole punched",
    Rung.IN_BAND: "in band",
}

#: Nobody has tried yet.
UNTRIED = Way()

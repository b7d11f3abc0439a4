"""What leads to a resource when no direct way does: through the XMPP servers."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

#: The loopback addresses that the relay gives to contacts' devices; nothing else may use them.
RELAY_NETWORK = IPv4Network("127.1.0.0/16")


@dataclass(frozen=True, slots=True)
class RelayRoute:
    """
    How streams to one resource go.

    :param through: the JID of the proxy; empty where they go in band, within the XMPP stream.
    :param most: bytes of the largest torrent that may go this way; ``None`` for any size.
    """

    through: str = ""
    most: int | None = None

    @property
    def in_band(self) -> bool:
        """Whether this is the XMPP stream itself, which is slow."""
        return self.most is not None

"""From where we are seen: what our XMPP server tells, and what routers make of us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StunServer:
    """
    A STUN server over UDP that our XMPP server names (XEP-0215).

    :param host: a name or an IP address, as it was told.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ServerView:
    """
    What our XMPP server knows of how others see us.

    :param stun: whom to ask for more.
    :param seen: the IP address from which our connection comes (XEP-0279); empty if it is not told.
    :param nearby: whether the server is on our machine, or in a private network.
    :param here: whether it is on our machine.
    """

    stun: tuple[StunServer, ...] = ()
    seen: str = ""
    nearby: bool = False
    here: bool = False


@dataclass(frozen=True, slots=True)
class Nat:
    """
    What routers make of our BitTorrent port, over IPv4 and UDP, as STUN servers see it (RFC 4787).

    :param translates: whether we are seen at another address than our own.
    :param keeps_port: whether the port stays the same on the way.
    :param endpoint_independent: whether everybody sees us at the same address and port, which
        hole punching needs; ``None`` if only one server was there to ask.
    """

    translates: bool
    keeps_port: bool
    endpoint_independent: bool | None = None

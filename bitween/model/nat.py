"""How others see us: what our XMPP server reports, and what routers make of our address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StunServer:
    """
    A STUN server over UDP that our XMPP server names (XEP-0215).

    :param host: a name or an IP address, as the server gives it.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ServerView:
    """
    What our XMPP server knows of how others see us.

    :param stun: the STUN servers to query.
    :param seen: the IP address that our connection comes from (XEP-0279); empty if unknown.
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

    :param translates: whether others see an address that is not our own.
    :param endpoint_independent: whether all others see the same address and port, which hole
        punching needs; ``None`` if only one server could be asked.
    """

    translates: bool
    endpoint_independent: bool | None = None

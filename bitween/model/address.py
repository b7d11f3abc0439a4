"""The address at which a peer can be dialled."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, IPv6Network

from bitween.errors import InvalidValue
from bitween.model.text import printable

#: Ports below this belong to services of other kinds: contacts cannot make us dial them.
LOWEST_PORT = 1024

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_6TO4 = IPv6Network("2002::/16")


@dataclass(frozen=True)
class PeerAddress:
    """
    An IP address in its canonical text form, and a port from 1 to 65535.

    :meth:`parse` makes one, and refuses an address that cannot be dialled.
    """

    address: str
    port: int

    @classmethod
    def parse(cls, address: object, port: object) -> PeerAddress:
        """
        Check an address and a port that came from outside.

        :param address: an IPv4 or IPv6 address as text; an IPv4-mapped one becomes IPv4.
        :param port: 1..65535, as a number or in decimal digits.
        :raises InvalidValue: if it cannot be dialled: not an IP address, a zone index, unspecified,
            multicast, broadcast, reserved; a port out of range.
        """
        return cls(str(_parse_ip(address)), _parse_port(port))

    @cached_property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The address as a value of the standard library."""
        return ipaddress.ip_address(self.address)

    @property
    def is_ipv6(self) -> bool:
        """Whether this is an IPv6 address."""
        return self.ip.version == 6

    @property
    def is_loopback(self) -> bool:
        """Whether it reaches only the machine that dials it."""
        return self.ip.is_loopback

    @property
    def is_global(self) -> bool:
        """
        Whether the address itself shows that it can be dialled from everywhere.

        Two kinds of IPv6 address do not show it: one that stands for an IPv4 address leads where
        that leads (RFC 6052, RFC 3056), and one outside of global unicast may be private
        (RFC 4291 §2.4).
        """
        ip = self.ip
        if isinstance(ip, IPv6Address) and (ip not in _GLOBAL_UNICAST or ip in _6TO4):
            return False
        return ip.is_global

    @property
    def rank(self) -> int:
        """The order of dialling, lowest first: loopback, LAN, IPv6, public IPv4."""
        if self.ip.is_loopback:
            return 0
        if self.ip.is_private:
            return 1
        return 2 if self.is_ipv6 else 3

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.is_ipv6 else f"{self.address}:{self.port}"


def _parse_ip(address: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    shown = printable(repr(address), 60)
    if not isinstance(address, str) or len(address) > 45:
        raise InvalidValue.of("invalid_value.address", value=shown)
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise InvalidValue.of("invalid_value.address", value=shown) from None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            raise InvalidValue.of("invalid_value.zone", value=shown)
        ip = ip.ipv4_mapped or ip
    if ip.is_unspecified or ip.is_multicast or (ip.version == 4 and ip.is_reserved):
        raise InvalidValue.of("invalid_value.no_host", value=shown)
    return ip


def _parse_port(port: object) -> int:
    if isinstance(port, str) and port.isascii() and port.isdigit() and len(port) <= 5:
        port = int(port)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise InvalidValue.of("invalid_value.port", value=printable(repr(port), 60))
    return port

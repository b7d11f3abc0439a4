"""Which clients count as one."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def network_of(host: str) -> str:
    """
    The network of an address, as far as one person has all of it.

    Of IPv6 that is a /64 (RFC 6177); every address of the machine itself is one.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"{int(address) >> 64:x}::/64"
        address = address.ipv4_mapped
    return "127.0.0.0/8" if address.is_loopback else str(address)

"""Groups client addresses by network, for limits."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def network_of(host: str) -> str:
    """
    The largest network of an address that one person usually has alone.

    For IPv6 that is a /64 (RFC 6177), for IPv4 the address.  All loopback addresses count as one.

    :param host: an IP address; any other text is returned as it is.
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

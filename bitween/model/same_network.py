"""Tells by public addresses whether two machines are behind the same router."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from bitween.model.address import PeerAddress

# The smallest network that a provider assigns to a customer.
_IPV4_PREFIX = 32
_IPV6_PREFIX = 64


def public_network(address: PeerAddress) -> IPv4Network | IPv6Network:
    """
    The network behind one router that a public address belongs to.

    A machine in the same network reaches the address without passing the router's firewall.
    """
    prefix = _IPV6_PREFIX if address.is_ipv6 else _IPV4_PREFIX
    return ip_network(f"{address.address}/{prefix}", strict=False)


def is_in_own_network(address: PeerAddress, ours: Iterable[PeerAddress]) -> bool:
    """
    Whether a public address is in one of our own networks.

    :param ours: our own addresses.
    """
    return public_network(address) in map(public_network, ours)

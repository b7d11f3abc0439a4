"""Tells networks from each other by the public addresses in them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from bitween.model.address import PeerAddress

# What a provider gives to one customer, at the least.
_IPV4_PREFIX = 32
_IPV6_PREFIX = 64


def public_network(address: PeerAddress) -> IPv4Network | IPv6Network:
    """
    The network behind one router to which a public address belongs.

    Whoever is in the same one comes to the address without passing the router's firewall.
    """
    prefix = _IPV6_PREFIX if address.is_ipv6 else _IPV4_PREFIX
    return ip_network(f"{address.address}/{prefix}", strict=False)


def is_in_own_network(address: PeerAddress, ours: Iterable[PeerAddress]) -> bool:
    """
    Whether a public address is in a network of ours.

    :param ours: our own addresses.
    """
    return public_network(address) in map(public_network, ours)

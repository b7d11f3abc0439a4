"""IP networks, and the addresses that one network interface of this machine has in them."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

Network = IPv4Network | IPv6Network
#: One address, with the network that it is in.
Interface = IPv4Interface | IPv6Interface
#: All addresses of one network interface.
Link = tuple[Interface, ...]

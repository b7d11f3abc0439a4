"""Which public addresses are behind one router."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.same_network import is_in_own_network, public_network


def at(text: str) -> PeerAddress:
    """An address."""
    return PeerAddress.parse(text, 6881)


class SameNetworkTests(SynchronousTestCase):
    """An IPv4 address is one router's; IPv6 has a /64 network for it."""

    def test_networks(self) -> None:
        """As providers assign them."""
        self.assertEqual(public_network(at("20.0.0.9")), ip_network("20.0.0.9/32"))
        self.assertEqual(public_network(at("2a00:0:0:1::5")), ip_network("2a00:0:0:1::/64"))

    def test_own_networks(self) -> None:
        """One of our addresses is enough."""
        ours = [at("20.0.0.9"), at("2a00::5")]
        near = [
            text
            for text in ("20.0.0.9", "20.0.0.8", "2a00::6", "2a00:0:0:1::6")
            if is_in_own_network(at(text), ours)
        ]
        self.assertEqual(near, ["20.0.0.9", "2a00::6"])
        self.assertFalse(is_in_own_network(at("20.0.0.9"), []))

"""Addresses at which peers can be dialled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress


class PeerAddressTests(SynchronousTestCase):
    """What :meth:`PeerAddress.parse` takes and refuses."""

    def test_equal_addresses_are_equal_values(self) -> None:
        """The same address is the same value, however it was written."""
        self.assertEqual(
            PeerAddress.parse("2001:DB8:0:0::1", "6881"), PeerAddress.parse("2001:db8::1", 6881)
        )
        self.assertEqual(PeerAddress.parse("::ffff:192.0.2.7", 1).address, "192.0.2.7")

    def test_ipv6_addresses_have_brackets_as_text(self) -> None:
        """As text, an IPv6 address stands in brackets."""
        self.assertEqual(str(PeerAddress.parse("2001:db8::1", 80)), "[2001:db8::1]:80")
        self.assertEqual(str(PeerAddress.parse("192.0.2.7", 80)), "192.0.2.7:80")

    def test_what_nobody_can_dial_is_refused(self) -> None:
        """Hosts, zones, unspecified, multicast and broadcast addresses are no peer addresses."""
        for address in (
            "example.org", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1",
            "255.255.255.255", "240.0.0.1", "1.2.3", "::ffff:0.0.0.0", "", None, 7, "1" * 1000,
        ):  # fmt: skip
            with self.assertRaises(InvalidValue):
                PeerAddress.parse(address, 6881)

    def test_ports_out_of_range_are_refused(self) -> None:
        """A port is a number from 1 to 65535 and nothing else."""
        for port in (0, 70000, -1, "0", "70000", "-1", "6881 ", "٣", "", None, True, 6881.0):
            with self.assertRaises(InvalidValue):
                PeerAddress.parse("192.0.2.7", port)

    @given(st.text(), st.text() | st.integers())
    def test_parse_raises_nothing_else(self, address: str, port: object) -> None:
        """Whatever comes in, either it can be dialled or it is an invalid value."""
        try:
            parsed = PeerAddress.parse(address, port)
        except InvalidValue:
            return
        self.assertTrue(1 <= parsed.port <= 65535)

    def test_the_last_port(self) -> None:
        """65535 is a port, 65536 is none."""
        self.assertEqual(PeerAddress.parse("192.0.2.7", 65535).port, 65535)
        self.assertRaises(InvalidValue, PeerAddress.parse, "192.0.2.7", 65536)

    def test_the_longest_address_is_read(self) -> None:
        """An IPv6 address with an IPv4 address at its end may have 45 characters, no text more."""
        longest = "0000:0000:0000:0000:0000:ffff:192.168.100.200"
        self.assertEqual(PeerAddress.parse(longest, 1).address, "192.168.100.200")
        with self.assertRaises(InvalidValue) as raised:
            PeerAddress.parse("1" * 1000, 1)
        self.assertEqual(raised.exception.message, f"'{'1' * 59} is not an IP address")

    def test_a_port_may_be_text_of_five_digits(self) -> None:
        """A longer text is no port, whatever number it stands for."""
        self.assertEqual(PeerAddress.parse("192.0.2.7", "06881").port, 6881)
        self.assertRaises(InvalidValue, PeerAddress.parse, "192.0.2.7", "006881")

    def test_loopback_addresses_are_known(self) -> None:
        """They lead to this machine."""
        for address, is_loopback in (("127.1.2.3", True), ("::1", True), ("192.0.2.7", False)):
            self.assertIs(PeerAddress.parse(address, 1).is_loopback, is_loopback, address)

    def test_what_can_be_dialled_from_everywhere(self) -> None:
        """Neither addresses that stand for an IPv4 one, nor those outside of global unicast."""
        for address, is_global in (
            ("8.8.8.8", True),
            ("2606:4700::1", True),
            ("192.168.1.2", False),
            ("fd00::1", False),
            ("2002:808:808::1", False),
            ("64:ff9b::808:808", False),
            ("4000::1", False),
        ):
            self.assertIs(PeerAddress.parse(address, 1).is_global, is_global, address)

    def test_the_ladder_orders_addresses(self) -> None:
        """Loopback comes first, then LAN, IPv6 and public IPv4."""
        ladder = ["127.0.0.1", "192.168.1.2", "2606:4700::1", "8.8.8.8"]
        ranks = [PeerAddress.parse(address, 1).rank for address in ladder]
        self.assertEqual(ranks, sorted(set(ranks)))

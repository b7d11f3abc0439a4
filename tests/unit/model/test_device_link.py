"""Fingerprints as people compare them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.device_link import device_link, grouped, parse_device_link

_DIGITS = "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f"


class DeviceLinkTests(SynchronousTestCase):
    """Groups and links."""

    def test_groups(self) -> None:
        """The first 32 digits; nothing of a device without a key."""
        self.assertEqual(grouped(_DIGITS), "39f7 13d0 a644 253f 0452 9421 b9f5 1b9b")
        self.assertEqual(grouped(""), "")

    def test_the_link(self) -> None:
        """It has the form that docs/protocol.rst gives."""
        self.assertEqual(
            device_link("alice@example.org", "laptop", _DIGITS),
            f"xmpp:alice@example.org?bitween-device;resource=laptop;fingerprint={_DIGITS}",
        )

    @given(st.text("abc /;=?#%&é🔑'", min_size=1, max_size=20))
    def test_any_resource_comes_back(self, resource: str) -> None:
        """Whatever characters are in it."""
        link = device_link("o\\27neil@example.org", resource, _DIGITS)
        self.assertEqual(parse_device_link(link), ("o\\27neil@example.org", resource, _DIGITS))
        self.assertTrue(link.isascii())

    def test_other_texts_are_no_links(self) -> None:
        """JIDs, and links that do something else."""
        for text in ("alice@example.org", "xmpp:alice@example.org?subscribe", "", "xmpp:"):
            self.assertIsNone(parse_device_link(text))

    def test_malformed_links_are_refused(self) -> None:
        """Without a resource or a fingerprint, or of no account."""
        for text in (
            "xmpp:alice@example.org?bitween-device;resource=x",
            f"xmpp:alice@example.org?bitween-device;fingerprint={_DIGITS}",
            f"xmpp:example.org?bitween-device;resource=x;fingerprint={_DIGITS}",
        ):
            self.assertRaises(InvalidValue, parse_device_link, text)

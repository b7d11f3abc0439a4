"""Entity capabilities."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.extensions.caps import (
    FEATURES,
    IDENTITY,
    VERIFICATION,
    caps_element,
    verification,
)
from bitween.xmpp.namespaces import NS_SHARES


class CapsTests(SynchronousTestCase):
    """XEP-0115."""

    def test_the_example_of_the_standard(self) -> None:
        """The verification string of XEP-0115 §5.2 comes out."""
        features = (
            "http://jabber.org/protocol/caps",
            "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items",
            "http://jabber.org/protocol/muc",
        )
        self.assertEqual(
            verification(("client", "pc", "", "Exodus 0.9.1"), features),
            "QgayPKawpkPSDYmwT/WM94uAlu0=",
        )

    def test_we_want_to_be_notified(self) -> None:
        """The features hold ``+notify`` of the node, and are sorted as the hash wants them."""
        self.assertIn(f"{NS_SHARES}+notify", FEATURES)
        self.assertEqual(list(FEATURES), sorted(FEATURES))
        self.assertEqual(VERIFICATION, verification(IDENTITY, FEATURES))

    def test_the_element(self) -> None:
        """Hash, node and verification string stand in the presence."""
        element = caps_element()
        self.assertEqual(element["hash"], "sha-1")
        self.assertEqual(element["ver"], VERIFICATION)
        self.assertTrue(element["node"])

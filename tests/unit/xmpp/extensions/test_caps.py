"""Entity capabilities."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import LogInRefused
from bitween.xmpp.extensions.caps import IDENTITY, Caps, verification_string
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.handler_case import Manager

#: All that this version of bitween supports; a change of it is a change of the protocol.
FEATURES = (
    "http://jabber.org/protocol/bytestreams",
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/commands",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "http://jabber.org/protocol/ibb",
    "http://jabber.org/protocol/rsm",
    f"{NS_SHARES}+notify",
    "jabber:iq:version",
    "urn:bitween:1",
    "urn:bitween:1#encounters",
    "urn:bitween:1#neighbours",
    "urn:bitween:2",
    "urn:xmpp:ping",
)


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
            verification_string(("client", "pc", "", "Exodus 0.9.1"), features),
            "QgayPKawpkPSDYmwT/WM94uAlu0=",
        )

    def test_the_features_are_those_of_the_extensions(self) -> None:
        """An extension that is added is listed, and changes the verification string."""
        manager = Manager(Clock())
        before = manager.caps.verification
        extension = Extension()
        extension.features = frozenset({"urn:example:b", "urn:example:a"})
        extension.setHandlerParent(manager)
        features = manager.caps.all_features
        self.assertEqual(features, tuple(sorted({*Caps.features, *extension.features})))
        self.assertNotEqual(manager.caps.verification, before)
        self.assertEqual(manager.caps.verification, verification_string(IDENTITY, features))

    def test_the_features_of_the_daemon(self) -> None:
        """All of them are listed, sorted as the hash requires."""
        account = Account("alice@localhost/here", "secret")
        refused: list[LogInRefused] = []
        reactor = MemoryReactorClock()
        messenger = Messenger(reactor, Client(reactor, account, refused.append))
        caps = next(handler for handler in messenger.client if isinstance(handler, Caps))
        self.assertEqual(caps.all_features, FEATURES)

    def test_presence_carries_the_capabilities(self) -> None:
        """Hash, node and verification string stand in the presence."""
        caps = Manager(Clock()).caps
        element = caps.element()
        self.assertEqual(element["hash"], "sha-1")
        self.assertEqual(element["ver"], caps.verification)
        self.assertTrue(element["node"])

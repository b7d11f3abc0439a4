"""An XMPP client that says whatever a test wants, well-formed or not."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.words.protocols.jabber import xmlstream
from twisted.words.xish import domish
from wokkel.subprotocols import XMPPHandler

from bitween.testing.private_server import PrivateServer
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client

_NS_PUBSUB = "http://jabber.org/protocol/pubsub"


class RawClient(XMPPHandler):
    """
    Logs in, lets everybody in who asks, and sends stanzas.

    :ivar online: fires when it is logged in and has sent its presence.
    """

    def __init__(self, server: PrivateServer, user: str, resource: str) -> None:
        super().__init__()
        with open(server.ca_file, "rb") as file:
            ca_pem = file.read()
        account = Account(
            f"{user}@{server.domain}/{resource}", "secret", (server.host, server.port), ca_pem
        )
        self.online: Deferred[None] = Deferred()
        self._client = Client(reactor, account, self.online.errback)
        self.setHandlerParent(self._client)
        self._client.startService()

    def connectionInitialized(self) -> None:
        """Show ourselves."""
        self.xmlstream.addObserver("/presence[@type='subscribe']", self._let_in)
        self.send("<presence/>")
        self._client.session_is_ready()
        self.online.callback(None)

    def _let_in(self, request: domish.Element) -> None:
        self.subscription("subscribed", request["from"])

    def stop(self) -> Deferred[None]:
        """Log out."""
        return self._client.stopService()

    def subscription(self, kind: str, jid: str) -> None:
        """Send ``subscribe``, ``subscribed`` and the like."""
        self.send(f"<presence type='{kind}' to='{jid}'/>")

    def publish(self, payload: str, item_id: str = "current") -> Deferred[Any]:
        """Publish this XML to our own node of shares, which is made if need be."""
        iq = xmlstream.IQ(self.xmlstream, "set")
        publish = iq.addElement((_NS_PUBSUB, "pubsub")).addElement("publish")
        publish["node"] = NS_SHARES
        item = publish.addElement("item")
        item["id"] = item_id
        item.addRawXml(payload)
        answer: Deferred[Any] = iq.send()
        return answer

    def request(self, kind: str, to: str, content: str) -> Deferred[Any]:
        """Send a request; an answer that is an error fails with a ``StanzaError``."""
        iq = xmlstream.IQ(self.xmlstream, kind)
        iq["to"] = to
        iq.addRawXml(content)
        answer: Deferred[Any] = iq.send()
        return answer

    def message(self, to: str, event: str, claims: str | None = None) -> None:
        """Send what looks like a PEP notification."""
        message = domish.Element((None, "message"))
        message["to"] = to
        message["type"] = "headline"
        if claims is not None:
            message["from"] = claims
        message.addRawXml(event)
        self.send(message)

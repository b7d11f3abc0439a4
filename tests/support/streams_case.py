"""Byte streams on a session in memory, whose server is the test."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.namespaces import (
    NS_BYTESTREAMS,
    NS_DISCO_ITEMS,
)
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.streams import Streams
from tests.support.fakes.resolver import Resolver
from tests.support.handler_case import Manager, xml

BOB = "bob@b.example/laptop"
LIMIT = 10_000
REFUSED = "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


class StreamsCase(SynchronousTestCase):
    """Streams on a session in memory; whose server the test is."""

    server_at = "198.51.100.7"
    names = {"proxy.b.example": "203.0.113.9", "b.example": "203.0.113.8"}

    def setUp(self) -> None:
        """Log in; Bob may have streams."""
        self.reactor: Any = MemoryReactorClock()
        self.reactor.nameResolver = Resolver({**self.names, "public.example": "8.8.8.8"})
        self.manager = Manager(self.reactor)
        peer = IPv4Address("TCP", self.server_at, 5222)
        self.manager.stub.xmlstream.transport = StringTransport(peerAddress=peer)
        self.at_home: set[str] = set()
        self.proxies = Proxies(self.reactor, lambda address: address.address in self.at_home)
        self.admitted = {"bob@b.example"}
        self.budget = send_budget(self.reactor)
        self.streams = Streams(
            *(self.reactor, self.budget, self.proxies, lambda jid, _: jid in self.admitted),
            in_band_limit=LIMIT,
        )
        self.proxies.setHandlerParent(self.manager)
        self.streams.setHandlerParent(self.manager)
        self.manager.online = True
        self.accepted: list[Any] = []
        self.streams.accept(self.accepted.append)
        self.answers: dict[tuple[str, str], str] = {
            ("b.example", NS_DISCO_ITEMS): items_query("proxy.b.example"),
            ("localhost", NS_DISCO_ITEMS): items_query(),
            ("proxy.b.example", NS_BYTESTREAMS): host_query("proxy.b.example", "8.8.4.4", 7777),
        }

    def receive(self, text: str) -> Any:
        """Let a stanza come in, answer what is asked, and give the answer to it."""
        stanza = xml(text)
        self.manager.stub.send(stanza)
        return self.settle()

    def settle(self) -> Any:
        """Answer what was asked; the last thing that was said."""
        said: Any = None
        output = self.manager.stub.output
        while output:
            iq = output.pop(0)
            if iq["type"] not in ("get", "set"):
                said = iq
                continue
            key = iq["to"], iq.firstChildElement().uri
            content = self.answers.get(key)
            kind = "error" if content is None else "result"
            content = REFUSED if content is None else content
            answer = f"<iq type='{kind}' id='{iq['id']}' from='{iq['to']}'>{content}</iq>"
            self.manager.stub.send(xml(answer))
        return said

    def offer(self, *hosts: str, sender: str = BOB, sid: str = "s") -> Any:
        """Offer a stream; the answer."""
        joined = "".join(hosts)
        return self.receive(
            f"<iq type='set' id='o' from='{sender}'><query xmlns='{NS_BYTESTREAMS}' sid='{sid}' "
            f"mode='tcp'>{joined}</query></iq>"
        )

    def lose_session(self) -> None:
        """Have the connection to the server break."""
        for handler in list(self.manager):
            handler.connectionLost(None)
            handler.xmlstream = None
        self.manager.online = False

    def begin_session(self) -> None:
        """Log in again."""
        self.manager.stub.output.clear()
        for handler in list(self.manager):
            handler.makeConnection(self.manager.stub.xmlstream)
        self.manager.online = True

    @property
    def dialled(self) -> list[tuple[str, int]]:
        """Where we have connected to."""
        return [(client[0], client[1]) for client in self.reactor.tcpClients]


def items_query(*jids: str) -> str:
    """The items of a service (XEP-0030 §4)."""
    items = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return f"<query xmlns='{NS_DISCO_ITEMS}'>{items}</query>"


def streamhost(jid: str, host: str, port: int) -> str:
    """A proxy's address (XEP-0065)."""
    return f"<streamhost jid='{jid}' host='{host}' port='{port}'/>"


def host_query(jid: str, host: str, port: int) -> str:
    """An offer of one proxy, and a proxy's answer."""
    return f"<query xmlns='{NS_BYTESTREAMS}'>{streamhost(jid, host, port)}</query>"

"""A contact cannot make us connect to any address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from bitween.xmpp.namespaces import (
    NS_BYTESTREAMS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
)
from bitween.xmpp.streams.proxies import MAX_FAILED, MAX_PORTS
from bitween.xmpp.streams.stream_limits import MAX_OF_CONTACT
from tests.support.fakes.resolver import Resolver
from tests.support.handler_case import xml
from tests.support.streams_case import BOB, StreamsCase, host_query, items_query, streamhost

_BYTESTREAMS_INFO = f"<query xmlns='{NS_DISCO_INFO}'><feature var='{NS_BYTESTREAMS}'/></query>"


class OfferTests(StreamsCase):
    """A contact cannot make us connect to any address."""

    def test_a_proxy_is_where_it_says_itself(self) -> None:
        """Not where the offer says."""
        self.offer(streamhost("proxy.b.example", "192.0.2.66", 2222))
        self.assertEqual(self.dialled, [("8.8.4.4", 7777)])

    def test_what_is_no_proxy_of_a_server_is_not_dialled(self) -> None:
        """Whatever name it has."""
        for jid in ("evil.example", "evil.b.example", "bob@b.example", BOB, "x.localhost"):
            answer = self.offer(streamhost(jid, "8.8.8.8", 2222), sid=jid)
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_a_domain_is_no_proxy(self) -> None:
        """Neither the contact's nor ours, though its own list of items names it."""
        for domain, address in (("b.example", "8.8.4.4"), ("localhost", "8.8.8.8")):
            self.answers[domain, NS_DISCO_ITEMS] = items_query(domain)
            self.answers[domain, NS_DISCO_INFO] = _BYTESTREAMS_INFO
            self.answers[domain, NS_BYTESTREAMS] = host_query(domain, address, 7777)
            answer = self.offer(streamhost(domain, address, 7777), sid=domain)
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_another_component_is_no_proxy(self) -> None:
        """A chat room service that a server names is not dialled where the offer says."""
        self.reactor.nameResolver = Resolver({"b.example": "8.8.4.4"})
        self.answers["b.example", NS_DISCO_ITEMS] = items_query("rooms.b.example")
        self.answers["rooms.b.example", NS_DISCO_INFO] = f"<query xmlns='{NS_DISCO_INFO}'/>"
        answer = self.offer(streamhost("rooms.b.example", "8.8.4.4", 7777))
        self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_a_proxy_that_does_not_say_must_be_at_its_servers_names(self) -> None:
        """Its administrator says where these lead."""
        del self.answers["proxy.b.example", NS_BYTESTREAMS]
        self.answers["proxy.b.example", NS_DISCO_INFO] = _BYTESTREAMS_INFO
        for host in ("8.8.8.8", "public.example", "evil.b.example"):
            answer = self.offer(streamhost("proxy.b.example", host, 2222))
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])
        self.reactor.nameResolver = Resolver({"b.example": "8.8.4.4"})
        self.offer(streamhost("proxy.b.example", "8.8.4.4", 7777))
        self.assertEqual(self.dialled, [("8.8.4.4", 7777)])

    def test_nobody_is_led_into_our_own_network(self) -> None:
        """Neither by an address nor by a name."""
        self.manager.stub.xmlstream.transport.peerAddr = IPv4Address("TCP", "8.8.8.8", 5222)
        for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1"):
            self.answers["proxy.b.example", NS_BYTESTREAMS] = host_query(
                "proxy.b.example", host, 8080
            )
            self.proxies.connectionInitialized()
            answer = self.offer(streamhost("proxy.b.example", host, 8080))
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_services_of_other_kinds_are_no_proxies(self) -> None:
        """A server has nobody connect to a port below 1024, of its own or of others."""
        self.answers["proxy.b.example", NS_BYTESTREAMS] = host_query(
            "proxy.b.example", "8.8.4.4", 25
        )
        self.offer(streamhost("proxy.b.example", "8.8.4.4", 25))
        self.offer(streamhost("b.example", "8.8.4.4", 1023))
        self.assertEqual(self.dialled, [])

    def test_loopback_is_for_servers_on_loopback(self) -> None:
        """Our own server in a private network may have its proxy there."""
        self.answers["localhost", NS_DISCO_ITEMS] = items_query("proxy.localhost")
        for host, fine in (("127.0.0.1", False), ("10.0.0.1", True)):
            self.answers["proxy.localhost", NS_BYTESTREAMS] = host_query(
                "proxy.localhost", host, 8080
            )
            self.proxies.connectionInitialized()
            self.offer(streamhost("proxy.localhost", host, 8080))
            self.assertEqual((host, 8080) in self.dialled, fine)

    def test_another_server_leads_nobody_into_our_own_network(self) -> None:
        """Not even where our own server is there: but it may serve the other domain, too."""
        for host, fine in (("10.0.0.1", False), ("fd00::1", False), (self.server_at, True)):
            self.answers["proxy.b.example", NS_BYTESTREAMS] = host_query(
                "proxy.b.example", host, 8080
            )
            self.proxies.connectionInitialized()
            self.offer(streamhost("proxy.b.example", host, 8080))
            self.assertEqual((host, 8080) in self.dialled, fine)

    def test_who_has_us_look_around(self) -> None:
        """
        A contact does not learn of port after port, or host after host, by proxies.

        The administrator of a server controls what its names resolve to, and where its proxies are.
        """
        del self.answers["proxy.b.example", NS_BYTESTREAMS]
        self.answers["proxy.b.example", NS_DISCO_INFO] = _BYTESTREAMS_INFO

        def offered(address: str, port: int) -> None:
            before = len(self.dialled)
            self.reactor.nameResolver = Resolver({"b.example": address})
            self.offer(streamhost("proxy.b.example", address, port), sid=f"{address}:{port}")
            for client in self.reactor.tcpClients[before:]:
                client[2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))
            self.reactor.advance(6)

        for number in range(40):
            offered(f"8.8.4.{number // 10 + 1}", 2000 + number)
        self.assertEqual(len(self.dialled), 4 * MAX_PORTS)
        for number in range(40):
            offered(f"8.8.5.{number + 1}", 2000)
        self.assertEqual(len(self.dialled), max(MAX_FAILED.values()))

    def test_home_is_for_servers_at_home(self) -> None:
        """Public addresses of our own home pass its firewall, too."""
        self.manager.stub.xmlstream.transport.peerAddr = IPv4Address("TCP", "20.0.0.1", 5222)
        self.answers["localhost", NS_DISCO_ITEMS] = items_query("proxy.localhost")
        self.answers["proxy.localhost", NS_BYTESTREAMS] = host_query(
            "proxy.localhost", "8.8.4.4", 7777
        )
        for at_home, fine in (({"8.8.4.4"}, False), ({"8.8.4.4", "20.0.0.1"}, True)):
            self.at_home = at_home
            self.offer(streamhost("proxy.localhost", "8.8.4.4", 7777), sid=str(fine))
            self.assertEqual(bool(self.dialled), fine)

    def test_strangers_and_nonsense(self) -> None:
        """Strangers get no answer; malformed requests are refused."""
        good = streamhost("proxy.b.example", "8.8.4.4", 7777)
        self.assertIsNone(self.offer(good, sender="eve@b.example/x"))
        self.assertIsNone(self.offer(good, sender="bob@b.example"))
        for hosts in ((), ("<streamhost/>",), (good.replace("7777", "99999"),)):
            self.assertEqual(self.offer(*hosts)["type"], "error")
        self.assertEqual(self.offer(good, sid="s" * 300)["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_offers_are_bounded(self) -> None:
        """What waits for a proxy counts, too."""
        good = streamhost("proxy.b.example", "8.8.4.4", 7777)
        for number in range(MAX_OF_CONTACT + 2):
            self.offer(good, sid=str(number))
        self.assertEqual(len(self.dialled), MAX_OF_CONTACT)

    def test_a_silent_proxy_is_given_up(self) -> None:
        """And its place is free again."""
        good = streamhost("proxy.b.example", "8.8.4.4", 7777)
        for number in range(MAX_OF_CONTACT):
            self.offer(good, sid=str(number))
            protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
            transport = _Abortable(protocol)
            protocol.makeConnection(transport)
        self.reactor.advance(6)
        self.assertEqual(self.settle()["type"], "error")
        self.offer(good, sid="again")
        self.assertEqual(len(self.dialled), MAX_OF_CONTACT + 1)

    def test_a_session_that_ends_in_the_middle(self) -> None:
        """Wherever an offer stands, its place is free again."""
        good = streamhost("proxy.b.example", "8.8.4.4", 7777)
        slow = self.reactor.nameResolver = SlowResolver({})
        for number in range(MAX_OF_CONTACT):
            self.offer(good, sid=str(number))
            self.lose_session()
            slow.waiting.pop()()
            self.begin_session()
        for number in range(MAX_OF_CONTACT):
            offer = f"<query xmlns='{NS_BYTESTREAMS}' sid='b{number}' mode='tcp'>{good}</query>"
            self.manager.stub.send(xml(f"<iq type='set' id='o' from='{BOB}'>{offer}</iq>"))
            self.lose_session()
            for question in self.manager.stub.output:
                waiting = self.manager.stub.xmlstream.iqDeferreds.pop(question["id"], None)
                if waiting is not None:
                    waiting.errback(ConnectionLost())
            self.begin_session()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.offer(good, sid="after that")
        slow.waiting.pop()()
        self.assertEqual(self.dialled, [("8.8.4.4", 7777)])

    def test_who_is_removed_in_the_middle(self) -> None:
        """A proxy that is slow on purpose does not let a removed contact in."""
        self.offer(streamhost("proxy.b.example", "8.8.4.4", 7777))
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        transport = _Abortable(protocol)
        protocol.makeConnection(transport)
        self.admitted.clear()
        protocol.dataReceived(b"\x05\x00")
        protocol.dataReceived(b"\x05\x00\x00\x01" + bytes(6))
        self.assertEqual(self.accepted, [])
        self.assertTrue(transport.aborted)


class SlowResolver(Resolver):
    """
    A resolver that takes its time.

    :ivar waiting: what has it go on.
    """

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(names)
        self.waiting: list[Callable[[], object]] = []

    def resolveHostName(self, receiver: Any, host: str, *_: Any) -> Any:
        """Tell the address of a name later."""
        resolve = super().resolveHostName
        self.waiting.append(lambda: resolve(receiver, host))


class _Abortable(StringTransport):
    """A connection that can be aborted, and tuned in vain."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self._protocol = protocol
        self.aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing."""

    setTcpKeepAlive = setTcpNoDelay

    def abortConnection(self) -> None:
        """End."""
        self.aborted = True
        self._protocol.connectionLost(Failure(ConnectionAborted()))

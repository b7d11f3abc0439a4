"""Streams of people who mean no good, and of those who are slow; without a network."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BitweenError, RequestRefused
from bitween.xmpp.namespaces import (
    NS_BITWEEN,
    NS_BYTESTREAMS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_IBB,
)
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.streams.in_band import LEAST_BLOCK_SIZE
from bitween.xmpp.streams.in_band_stream import BLOCK_SIZE, stream_limit
from bitween.xmpp.streams.proxies import MAX_FAILED, MAX_PORTS, Proxies
from bitween.xmpp.streams.stream_limits import MAX_IN_ALL, MAX_OF_CONTACT, REQUESTS, StreamLimiter
from bitween.xmpp.streams.streams import Streams
from tests.support.fakes.resolver import Resolver
from tests.support.handler_case import Manager, xml

BOB = "bob@b.example/laptop"
LIMIT = 10_000
REFUSED = "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


class Listener(Protocol):
    """Keeps what comes."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """Note it."""
        self.lost = reason


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
            ("b.example", NS_DISCO_ITEMS): _items("proxy.b.example"),
            ("localhost", NS_DISCO_ITEMS): _items(),
            ("proxy.b.example", NS_BYTESTREAMS): _host("proxy.b.example", "8.8.4.4", 7777),
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


def _items(*jids: str) -> str:
    items = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return f"<query xmlns='{NS_DISCO_ITEMS}'>{items}</query>"


def _streamhost(jid: str, host: str, port: int) -> str:
    return f"<streamhost jid='{jid}' host='{host}' port='{port}'/>"


def _host(jid: str, host: str, port: int) -> str:
    return f"<query xmlns='{NS_BYTESTREAMS}'>{_streamhost(jid, host, port)}</query>"


_BYTESTREAMS_INFO = f"<query xmlns='{NS_DISCO_INFO}'><feature var='{NS_BYTESTREAMS}'/></query>"


class OfferTests(StreamsCase):
    """A contact cannot make us connect to any address."""

    def test_a_proxy_is_where_it_says_itself(self) -> None:
        """Not where the offer says."""
        self.offer(_streamhost("proxy.b.example", "192.0.2.66", 2222))
        self.assertEqual(self.dialled, [("8.8.4.4", 7777)])

    def test_what_is_no_proxy_of_a_server_is_not_dialled(self) -> None:
        """Whatever name it has."""
        for jid in ("evil.example", "evil.b.example", "bob@b.example", BOB, "x.localhost"):
            answer = self.offer(_streamhost(jid, "8.8.8.8", 2222), sid=jid)
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_a_domain_is_no_proxy(self) -> None:
        """Neither the contact's nor ours, though its own list of items names it."""
        for domain, address in (("b.example", "8.8.4.4"), ("localhost", "8.8.8.8")):
            self.answers[domain, NS_DISCO_ITEMS] = _items(domain)
            self.answers[domain, NS_DISCO_INFO] = _BYTESTREAMS_INFO
            self.answers[domain, NS_BYTESTREAMS] = _host(domain, address, 7777)
            answer = self.offer(_streamhost(domain, address, 7777), sid=domain)
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_another_component_is_no_proxy(self) -> None:
        """A chat room service that a server names is not dialled where the offer says."""
        self.reactor.nameResolver = Resolver({"b.example": "8.8.4.4"})
        self.answers["b.example", NS_DISCO_ITEMS] = _items("rooms.b.example")
        self.answers["rooms.b.example", NS_DISCO_INFO] = f"<query xmlns='{NS_DISCO_INFO}'/>"
        answer = self.offer(_streamhost("rooms.b.example", "8.8.4.4", 7777))
        self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_a_proxy_that_does_not_say_must_be_at_its_servers_names(self) -> None:
        """Its administrator says where these lead."""
        del self.answers["proxy.b.example", NS_BYTESTREAMS]
        self.answers["proxy.b.example", NS_DISCO_INFO] = _BYTESTREAMS_INFO
        for host in ("8.8.8.8", "public.example", "evil.b.example"):
            answer = self.offer(_streamhost("proxy.b.example", host, 2222))
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])
        self.reactor.nameResolver = Resolver({"b.example": "8.8.4.4"})
        self.offer(_streamhost("proxy.b.example", "8.8.4.4", 7777))
        self.assertEqual(self.dialled, [("8.8.4.4", 7777)])

    def test_nobody_is_led_into_our_own_network(self) -> None:
        """Neither by an address nor by a name."""
        self.manager.stub.xmlstream.transport.peerAddr = IPv4Address("TCP", "8.8.8.8", 5222)
        for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1"):
            self.answers["proxy.b.example", NS_BYTESTREAMS] = _host("proxy.b.example", host, 8080)
            self.proxies.connectionInitialized()
            answer = self.offer(_streamhost("proxy.b.example", host, 8080))
            self.assertEqual(answer["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_services_of_other_kinds_are_no_proxies(self) -> None:
        """A server has nobody connect to a port below 1024, of its own or of others."""
        self.answers["proxy.b.example", NS_BYTESTREAMS] = _host("proxy.b.example", "8.8.4.4", 25)
        self.offer(_streamhost("proxy.b.example", "8.8.4.4", 25))
        self.offer(_streamhost("b.example", "8.8.4.4", 1023))
        self.assertEqual(self.dialled, [])

    def test_loopback_is_for_servers_on_loopback(self) -> None:
        """Our own server in a private network may have its proxy there."""
        self.answers["localhost", NS_DISCO_ITEMS] = _items("proxy.localhost")
        for host, fine in (("127.0.0.1", False), ("10.0.0.1", True)):
            self.answers["proxy.localhost", NS_BYTESTREAMS] = _host("proxy.localhost", host, 8080)
            self.proxies.connectionInitialized()
            self.offer(_streamhost("proxy.localhost", host, 8080))
            self.assertEqual((host, 8080) in self.dialled, fine)

    def test_another_server_leads_nobody_into_our_own_network(self) -> None:
        """Not even where our own server is there: but it may serve the other domain, too."""
        for host, fine in (("10.0.0.1", False), ("fd00::1", False), (self.server_at, True)):
            self.answers["proxy.b.example", NS_BYTESTREAMS] = _host("proxy.b.example", host, 8080)
            self.proxies.connectionInitialized()
            self.offer(_streamhost("proxy.b.example", host, 8080))
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
            self.offer(_streamhost("proxy.b.example", address, port), sid=f"{address}:{port}")
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
        self.answers["localhost", NS_DISCO_ITEMS] = _items("proxy.localhost")
        self.answers["proxy.localhost", NS_BYTESTREAMS] = _host("proxy.localhost", "8.8.4.4", 7777)
        for at_home, fine in (({"8.8.4.4"}, False), ({"8.8.4.4", "20.0.0.1"}, True)):
            self.at_home = at_home
            self.offer(_streamhost("proxy.localhost", "8.8.4.4", 7777), sid=str(fine))
            self.assertEqual(bool(self.dialled), fine)

    def test_strangers_and_nonsense(self) -> None:
        """Strangers get no answer; malformed requests are refused."""
        good = _streamhost("proxy.b.example", "8.8.4.4", 7777)
        self.assertIsNone(self.offer(good, sender="eve@b.example/x"))
        self.assertIsNone(self.offer(good, sender="bob@b.example"))
        for hosts in ((), ("<streamhost/>",), (good.replace("7777", "99999"),)):
            self.assertEqual(self.offer(*hosts)["type"], "error")
        self.assertEqual(self.offer(good, sid="s" * 300)["type"], "error")
        self.assertEqual(self.dialled, [])

    def test_offers_are_bounded(self) -> None:
        """What waits for a proxy counts, too."""
        good = _streamhost("proxy.b.example", "8.8.4.4", 7777)
        for number in range(MAX_OF_CONTACT + 2):
            self.offer(good, sid=str(number))
        self.assertEqual(len(self.dialled), MAX_OF_CONTACT)

    def test_a_silent_proxy_is_given_up(self) -> None:
        """And its place is free again."""
        good = _streamhost("proxy.b.example", "8.8.4.4", 7777)
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
        good = _streamhost("proxy.b.example", "8.8.4.4", 7777)
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
        self.offer(_streamhost("proxy.b.example", "8.8.4.4", 7777))
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


class InBandTests(StreamsCase):
    """Blocks in IQs."""

    def open(self, sid: str = "s", size: int = BLOCK_SIZE, sender: str = BOB) -> Any:
        """Have Bob open a stream; our answer."""
        return self.receive(
            f"<iq type='set' id='i' from='{sender}'>"
            f"<open xmlns='{NS_IBB}' sid='{sid}' block-size='{size}' stanza='iq'/></iq>"
        )

    def block(self, seq: object, content: bytes = b"x", sender: str = BOB, sid: str = "s") -> Any:
        """Have Bob send a block; our answer."""
        text = base64.b64encode(content).decode()
        return self.receive(
            f"<iq type='set' id='d' from='{sender}'>"
            f"<data xmlns='{NS_IBB}' sid='{sid}' seq='{seq}'>{text}</data></iq>"
        )

    def begun(self) -> Listener:
        """A protocol that reads what Bob sends."""
        self.assertEqual(self.open()["type"], "result")
        listener = Listener()
        self.accepted[-1].begin(listener)
        return listener

    def test_blocks_come_in_order(self) -> None:
        """Each is acknowledged."""
        listener = self.begun()
        for seq in range(3):
            self.assertEqual(self.block(seq, b"%d" % seq)["type"], "result")
        self.assertEqual(listener.heard, b"012")

    def test_nonsense_ends_the_stream(self) -> None:
        """It is answered with an error, and nothing is handed out."""
        for seq, content in ((1, b"x"), (0, bytes(BLOCK_SIZE + 1))):
            listener = self.begun()
            self.assertEqual(self.block(seq, content)["type"], "error")
            self.assertIsNotNone(listener.lost)
            self.assertEqual(listener.heard, b"")
        self.begun()
        for number in ("", "-1", "x", "٣"):
            self.assertEqual(self.block(number)["type"], "error")

    def test_nobody_speaks_in_anothers_stream(self) -> None:
        """The stream is of one full JID."""
        listener = self.begun()
        self.assertIsNone(self.block(0, sender="eve@b.example/x"))
        self.assertEqual(self.block(0, sender="bob@b.example/other")["type"], "error")
        self.assertEqual(listener.heard, b"")

    def test_who_is_slow_gets_no_more(self) -> None:
        """A block waits for its reader, and the next one for the acknowledgement."""
        listener = self.begun()
        listener.transport.pauseProducing()
        self.assertIsNone(self.block(0, b"a"))
        listener.transport.resumeProducing()
        self.assertEqual(self.settle()["type"], "result")
        self.assertEqual(listener.heard, b"a")
        listener.transport.pauseProducing()
        self.assertIsNone(self.block(1))
        self.assertEqual(self.block(2)["type"], "error")
        self.assertIsNotNone(listener.lost)

    def test_a_stream_carries_no_more_than_the_limit(self) -> None:
        """In either direction."""
        listener = self.begun()
        for seq in range(stream_limit(LIMIT) // BLOCK_SIZE):
            self.assertEqual(self.block(seq, bytes(BLOCK_SIZE))["type"], "result")
        self.assertIsNone(listener.lost)
        last = stream_limit(LIMIT) // BLOCK_SIZE
        self.assertEqual(self.block(last, bytes(BLOCK_SIZE))["type"], "error")
        self.assertIsNotNone(listener.lost)

    def test_what_goes_waits_for_the_budget_and_for_each_block(self) -> None:
        """One block at a time, and the writer is held up."""
        listener = self.begun()
        self.manager.stub.output.clear()
        stops: list[str] = []

        class Writer:
            """Notes what it is told."""

            def pauseProducing(self) -> None:
                stops.append("pause")

            def resumeProducing(self) -> None:
                stops.append("go")

            stopProducing = pauseProducing

        listener.transport.registerProducer(Writer(), True)
        listener.transport.write(bytes(5 * BLOCK_SIZE))
        self.assertEqual(stops, ["pause"])
        sizes = []
        self.budget.consume(16_000)
        for _ in range(100):
            output = self.manager.stub.output
            if not output:
                self.reactor.advance(1)
                continue
            self.assertEqual(len(output), 1)
            sizes.append(len(base64.b64decode(str(output[0].data))))
            self.budget.consume(len(output[0].toXml()))
            self.answers[BOB, NS_IBB] = ""
            self.settle()
        self.assertEqual((sizes, stops), ([BLOCK_SIZE] * 5, ["pause", "go"]))

    def test_the_end_of_the_session_ends_it(self) -> None:
        """And a close by the other side does."""
        listener = self.begun()
        answer = self.receive(
            f"<iq type='set' id='c' from='{BOB}'><close xmlns='{NS_IBB}' sid='s'/></iq>"
        )
        self.assertEqual(answer["type"], "result")
        self.assertIsNotNone(listener.lost)
        listener = self.begun()
        for handler in list(self.manager):
            handler.connectionLost(None)
        self.assertIsNotNone(listener.lost)

    def test_what_is_asked_for_must_make_sense(self) -> None:
        """Each refusal says why."""
        self.assertIsNone(self.open(sender="eve@b.example/x"))
        for size, condition in (
            (0, "bad-request"),
            (LEAST_BLOCK_SIZE - 1, "not-acceptable"),
            (BLOCK_SIZE + 1, "resource-constraint"),
        ):
            self.assertIn(condition, self.open(size=size).toXml())
        self.open()
        self.assertIn("bad-request", self.open().toXml())
        for number in range(MAX_OF_CONTACT):
            answer = self.open(f"t{number}")
        self.assertIn("resource-constraint", answer.toXml())


class RelayRequestTests(StreamsCase):
    """What contacts ask of us."""

    def ask(self, kind: str, attributes: str = "", sender: str = BOB) -> Any:
        """Let a contact ask; return our answer."""
        return self.receive(
            f"<iq type='{kind}' id='r' from='{sender}'>"
            f"<relay xmlns='{NS_BITWEEN}' {attributes}/></iq>"
        )

    def test_what_we_offer_is_told(self) -> None:
        """Without a proxy, the limit in band alone."""
        relay = self.ask("get").relay
        self.assertEqual((relay.getAttribute("proxy"), relay["in-band"]), (None, str(LIMIT)))
        self.answers["localhost", NS_DISCO_ITEMS] = _items("proxy.localhost")
        self.answers["proxy.localhost", NS_DISCO_INFO] = (
            f"<query xmlns='{NS_DISCO_INFO}'><feature var='{NS_BYTESTREAMS}'/></query>"
        )
        self.proxies.connectionInitialized()
        self.assertEqual(self.ask("get").relay["proxy"], "proxy.localhost")

    def test_what_cannot_be_is_refused(self) -> None:
        """Strangers are not answered."""
        self.assertIsNone(self.ask("get", sender="eve@b.example/x"))
        self.assertIn("item-not-found", self.ask("set", "sid='s'").toXml())
        self.assertIn("bad-request", self.ask("set").toXml())

    def test_who_asks_too_often_waits(self) -> None:
        """And may ask again later."""
        for _ in range(REQUESTS):
            self.assertEqual(self.ask("get")["type"], "result")
        self.assertIn("resource-constraint", self.ask("get").toXml())
        self.reactor.advance(10)
        self.assertEqual(self.ask("get")["type"], "result")

    def test_nothing_leads_there(self) -> None:
        """The error says what would help."""
        self.answers[BOB, NS_BITWEEN] = f"<relay xmlns='{NS_BITWEEN}'/>"
        asked: Deferred[Any] = self.streams.find_relay("bob@b.example", "laptop")
        self.settle()
        self.assertIn("proxy65", self.failureResultOf(asked, RequestRefused).value.hint)


class StreamLimiterTests(SynchronousTestCase):
    """How many streams there are."""

    def test_all_together_are_bounded(self) -> None:
        """The limit holds for all contacts together; ended streams do not count."""
        limiter = StreamLimiter(MemoryReactorClock())
        releases = [limiter.acquire(f"{n // MAX_OF_CONTACT}@x") for n in range(MAX_IN_ALL)]
        with self.assertRaises(BitweenError):
            limiter.acquire("one more@x")
        releases.pop()()
        limiter.acquire("one more@x")

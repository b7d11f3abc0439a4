"""The log-in against servers that are not as they should be: one clear state, one log line."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, KeyPair, PrivateCertificate
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from bitween.errors import CertificateRefused, LogInRefused
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.testing.certificates import ThrowAwayAuthority
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from bitween.xmpp.session.scram import MOST_ITERATIONS
from tests.support.client_case import SECRET, ClientCase
from tests.support.fakes.children import wait_for_children
from tests.support.fakes.loopback import CLOSED_PORT, listen
from tests.support.fakes.name_server import NameServer

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:client' from='localhost' id='1' version='1.0'>"
)
NS_SASL = b"urn:ietf:params:xml:ns:xmpp-sasl"
NOT_AUTHORIZED = b"<failure xmlns='%b'><not-authorized/></failure>" % NS_SASL


class OneSidedServer(Protocol):
    """Offers some mechanisms over direct TLS, and takes any password."""

    factory: OneSidedFactory

    def __init__(self) -> None:
        self._authenticated = False

    def dataReceived(self, data: bytes) -> None:
        """Answer the beginning of a stream, and a log-in."""
        assert self.transport is not None
        self.factory.protocols.append(self.transport.negotiatedProtocol)  # type: ignore[attr-defined]  # TLS has it
        if b"<stream:stream" in data and not self._authenticated:
            offered = "".join(f"<mechanism>{name}</mechanism>" for name in self.factory.offered)
            self.transport.write(
                f"{HEADER}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                f"{offered}</mechanisms></stream:features>".encode()
            )
        elif b"<auth" in data or b"<response" in data:
            self._authenticated = True
            self.factory.tell(base64.b64decode(data.split(b">", 1)[1].split(b"<")[0]))
            for answer in islice(self.factory.answers, 1):
                self.transport.write(answer(self.factory.all_told[-1]))


class OneSidedFactory(Factory[OneSidedServer]):
    """
    Makes the servers of one test.

    :ivar told: fires with the first message of the log-in.
    :ivar all_told: all its messages.
    :ivar answers: make what the server answers to each.
    :ivar protocols: what TLS agreed on (ALPN).
    """

    protocol = OneSidedServer

    def __init__(self, *offered: str) -> None:
        self.offered = offered
        self.told: Deferred[bytes] = Deferred()
        self.all_told: list[bytes] = []
        self.answers: Iterator[Callable[[bytes], bytes]] = iter(())
        self.protocols: list[bytes] = []

    def tell(self, message: bytes) -> None:
        """Note a message."""
        self.all_told.append(message)
        if not self.told.called:
            self.told.callback(message)


class ServerTests(TestCase):
    """Over real sockets."""

    password = SECRET

    def setUp(self) -> None:
        """Leave no process behind."""
        wait_for_children(self)

    def client(
        self, port: int | None, ca_pem: bytes | None = None, **options: Any
    ) -> tuple[Client, Deferred[ConnectionStatus]]:
        """A started client, and what fires with its first state that is not connecting."""
        settled: Deferred[ConnectionStatus] = Deferred()
        settled.addTimeout(60, reactor)
        self.fatal: list[LogInRefused] = []
        resolver = options.pop("resolver", None)
        account = Account(
            "alice@localhost" if port is not None else "alice@nowhere.example",
            self.password,
            None if port is None else ("127.0.0.1", port),
            ca_pem,
            **options,
        )
        client = Client(reactor, account, self.fatal.append, resolver=resolver)

        def changed(status: ConnectionStatus) -> None:
            if status.state is not ConnectionState.CONNECTING and not settled.called:
                # In the next turn, when everything that goes with it has happened too.
                IReactorTime(reactor).callLater(0, settled.callback, status)
                unsubscribe()

        unsubscribe = client.changes.subscribe(changed)
        self.addCleanup(client.stopService)
        client.startService()
        return client, settled

    def one_sided(self, *offered: str) -> tuple[int, bytes, OneSidedFactory]:
        """Start a server with these mechanisms; its port, its authority and its factory."""
        authority = ThrowAwayAuthority()
        issued = authority.issue(["localhost"])
        certificate = PrivateCertificate.loadPEM(issued.certificate_pem + issued.key_pem)
        key: KeyPair = certificate.privateKey
        options = CertificateOptions(
            privateKey=key.original,
            certificate=certificate.original,
            acceptableProtocols=[b"xmpp-client"],
        )
        factory = OneSidedFactory(*offered)
        port = listen(self, TLSMemoryBIOFactory(options, False, factory))
        return port, authority.certificate_pem, factory

    async def test_no_mechanism_that_we_take(self) -> None:
        """PLAIN is none unless it is allowed: the log-in is refused, and nothing is told."""
        port, ca_pem, factory = self.one_sided("PLAIN", "DIGEST-MD5")
        _, settled = self.client(port, ca_pem, direct_tls=True)
        status = await settled
        self.assertIs(status.state, ConnectionState.FAILED)
        self.assertIn("no way to log in", status.error)
        self.assertEqual(len(self.fatal), 1)
        self.assertFalse(factory.told.called)

    async def test_plain_where_it_is_allowed(self) -> None:
        """Then the password goes over verified TLS, which is told what will be spoken."""
        port, ca_pem, factory = self.one_sided("PLAIN")
        self.client(port, ca_pem, direct_tls=True, plain_allowed=True)
        self.assertEqual(await factory.told, f"\0alice\0{SECRET}".encode())
        self.assertEqual(set(factory.protocols), {b"xmpp-client"})

    async def test_plain_is_the_last_resort(self) -> None:
        """Where SCRAM is offered, the password is not told although it may be."""
        port, ca_pem, factory = self.one_sided("PLAIN", "SCRAM-SHA-1")
        self.client(port, ca_pem, direct_tls=True, plain_allowed=True)
        self.assertTrue((await factory.told).startswith(b"n,,n=alice,"))

    async def test_too_many_iterations(self) -> None:
        """A server that wants us to hash for hours is refused at once, with the number."""
        port, ca_pem, factory = self.one_sided("SCRAM-SHA-1")
        factory.answers = iter([challenge(2**31)])
        _, settled = self.client(port, ca_pem, direct_tls=True)
        status = await settled
        self.assertIs(status.state, ConnectionState.FAILED)
        self.assertIn("asks for 2,147,483,648 rounds", status.error)
        self.assertEqual(len(factory.all_told), 1)

    async def test_challenges_while_the_first_one_is_worked_on(self) -> None:
        """A server cannot have us hash for several at once."""
        port, ca_pem, factory = self.one_sided("SCRAM-SHA-1")
        factory.answers = iter([lambda told: challenge(MOST_ITERATIONS)(told) * 2])
        _, settled = self.client(port, ca_pem, direct_tls=True)
        status = await settled
        self.assertIn("could not prove", status.error)
        self.assertEqual(len(factory.all_told), 1)

    async def test_the_server_goes_while_the_password_is_hashed(self) -> None:
        """Then the hashing ends, and the log-in is tried again."""
        port, ca_pem, factory = self.one_sided("SCRAM-SHA-1")
        factory.answers = iter(
            [lambda told: challenge(MOST_ITERATIONS)(told) + b"</stream:stream>"]
        )
        _, settled = self.client(port, ca_pem, direct_tls=True)
        self.assertIs((await settled).state, ConnectionState.WAITING)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_the_forms_of_a_password(self) -> None:
        """Where the server does not take one form, the next is tried on the same stream."""
        port, ca_pem, factory = self.one_sided("PLAIN")
        factory.answers = iter([lambda _: NOT_AUTHORIZED, lambda _: NOT_AUTHORIZED])
        self.password = "ﬁ"
        _, settled = self.client(port, ca_pem, direct_tls=True, plain_allowed=True)
        self.assertIn("does not take this user name", (await settled).error)
        told = [message.decode() for message in factory.all_told]
        self.assertEqual(told, ["\0alice\0fi", "\0alice\0ﬁ"])

    async def test_a_failure_without_a_reason(self) -> None:
        """A server that tells none, but a text, puts the log-in off: that passes."""
        port, ca_pem, factory = self.one_sided("SCRAM-SHA-1")
        refusal = b"<failure xmlns='%b'><text>go away</text></failure>" % NS_SASL
        factory.answers = iter([lambda _: refusal])
        _, settled = self.client(port, ca_pem, direct_tls=True)
        self.assertIn("no reason given", (await settled).error)
        self.assertEqual(self.fatal, [])

    async def test_an_unknown_certificate(self) -> None:
        """With direct TLS it is refused as with STARTTLS."""
        port, _, factory = self.one_sided("PLAIN")
        other = ThrowAwayAuthority("another").certificate_pem
        _, settled = self.client(port, other, direct_tls=True, plain_allowed=True)
        self.assertIs((await settled).state, ConnectionState.FAILED)
        self.assertIsInstance(self.fatal[0], CertificateRefused)
        self.assertFalse(factory.told.called)

    async def test_a_host_that_is_not_found(self) -> None:
        """It may be there later: waiting, with the reason."""
        names = NameServer(self)
        names.use_for_hosts(self)
        with capturedLogs() as events:
            _, settled = self.client(None, resolver=names.resolver)
            status = await settled
        self.assertIs(status.state, ConnectionState.WAITING)
        self.assertEqual(status.error, "nowhere.example cannot be found")
        self.assertEqual(lines(events), [f"not connected: {status.error}"])

    async def test_a_refused_connection(self) -> None:
        """Waiting, with the reason."""
        with capturedLogs() as events:
            _, settled = self.client(CLOSED_PORT)
            status = await settled
        self.assertIs(status.state, ConnectionState.WAITING)
        self.assertIn("refuses connections", status.error)
        self.assertEqual(lines(events), [f"not connected: {status.error}"])

    async def test_a_port_without_tls(self) -> None:
        """Something else than TLS at a port for direct TLS is said to be so."""
        factory = Factory.forProtocol(lambda: Greeter(b"220 smtp.example.org\r\n"))
        _, settled = self.client(listen(self, factory), direct_tls=True)
        status = await settled
        self.assertIs(status.state, ConnectionState.WAITING)
        self.assertIn("encrypted connection", status.error)


def challenge(iterations: int) -> Callable[[bytes], bytes]:
    """What makes SCRAM's challenge to a client's first message."""

    def answer(told: bytes) -> bytes:
        nonce = told.rpartition(b"r=")[2]
        said = b"r=%bx,s=QSXCR+Q6sek8bf92,i=%d" % (nonce, iterations)
        return b"<challenge xmlns='%b'>%b</challenge>" % (NS_SASL, base64.b64encode(said))

    return answer


class Greeter(Protocol):
    """Says one thing."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting

    def connectionMade(self) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(self._greeting)


class WaitingTests(ClientCase):
    """What takes long, on a reactor in memory."""

    def no_connection(self) -> None:
        """Let a connection not come about in time."""
        reason = Failure(ConnectTimeout())
        self.reactor.tcpClients[-1][2].clientConnectionFailed(self.reactor.connectors[-1], reason)

    def hang(self) -> None:
        """Let a connection come about, and no answer on it."""
        stream = self.connect()
        self.reactor.advance(31)
        self.lose(stream)

    def test_time_outs_are_waited_for(self) -> None:
        """A host that does not answer, and one that stops in mid-negotiation, are waited for."""
        cases: list[tuple[Callable[[], None], str]] = [
            (self.no_connection, "does not answer"),
            (self.hang, "stopped answering in the log-in"),
        ]
        for happens, words in cases:
            happens()
            self.assertIs(self.state, ConnectionState.WAITING)
            self.assertIn(words, self.client.status.error)
            self.connects_after()
        self.assertEqual(self.fatal, [])

    def test_one_line_for_many_tries(self) -> None:
        """The log tells the first log-in, when the reason changes, and when it is over."""
        with capturedLogs() as events:
            for _ in range(4):
                self.refuse_connection()
                self.connects_after()
            self.no_connection()
            self.connects_after()
            stream = self.log_in()
            self.lose(stream)
            self.connects_after()
            self.log_in()
        self.assertEqual(
            lines(events),
            [
                "not connected: 127.0.0.1:5222 refuses connections",
                "not connected: 127.0.0.1:5222 does not answer",
                "online as alice@localhost/here",
                "not connected: the connection to 127.0.0.1:5222 was lost",
                "connected again",
            ],
        )


def lines(events: Sequence[dict[str, Any]]) -> list[str]:
    """What the client logged."""
    mine = [event for event in events if event["log_namespace"].startswith("bitween.xmpp.session.")]
    return [str(formatEvent(event)) for event in mine]

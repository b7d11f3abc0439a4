"""A client on a reactor in memory, whose server is the test."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost, getConnectError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.xmlstream import STREAM_AUTHD_EVENT

from bitween.errors import LogInRefused
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.util.backoff import Backoff
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client

HEADER = (
    b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' "
    b"from='localhost' id='1' version='1.0'>"
)
SECRET = "the secret"
HERE = IPv4Address("TCP", "127.0.0.1", 5222)


class Transport(StringTransport):
    """A connection that can be lost."""

    aborted = False
    startTLS: Any = None

    def abortConnection(self) -> None:
        """Note that it is cut off."""
        self.aborted = True
        self.disconnecting = True


class ClientCase(SynchronousTestCase):
    """A client on a reactor in memory."""

    log_traffic = False

    def setUp(self) -> None:
        """Start a client."""
        self.reactor = MemoryReactorClock()
        self.fatal: list[LogInRefused] = []
        self.told: list[ConnectionStatus] = []
        account = Account("alice@localhost/here", SECRET, ("127.0.0.1", 5222))
        self.client = Client(
            self.reactor,
            account,
            self.fatal.append,
            log_traffic=self.log_traffic,
            backoff=Backoff(lambda: 0.0),
            wall=self.reactor.seconds,
        )
        self.client.changes.subscribe(self.told.append)
        self.client.startService()

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self.client.status.state

    def connect(self) -> Any:
        """Let the TCP connection come about."""
        self.reactor.advance(0)
        wrapper: Any = self.reactor.tcpClients[-1][2].buildProtocol(HERE)
        self.transport = Transport()
        wrapper.makeConnection(self.transport)
        # What the endpoint has wrapped around it passes everything on.
        stream = wrapper._wrappedProtocol  # noqa: SLF001  # Twisted's
        stream.dataReceived(HEADER)
        return stream

    def log_in(self) -> Any:
        """Let the negotiation succeed."""
        stream = self.connect()
        stream.dispatch(stream, STREAM_AUTHD_EVENT)
        self.client.session_is_ready()
        return stream

    def refuse_connection(self) -> None:
        """Let the TCP connection not come about."""
        # 111 is ECONNREFUSED.
        reason = Failure(getConnectError((111, "refused")))
        self.reactor.tcpClients[-1][2].clientConnectionFailed(self.reactor.connectors[-1], reason)

    def lose(self, stream: Any, error: Exception | None = None) -> None:
        """Let the connection break off."""
        stream.connectionLost(Failure(error or ConnectionLost()))

    def connects_after(self) -> float:
        """Seconds until the client tries again."""
        waited = 0.0
        while self.state is ConnectionState.WAITING:
            self.reactor.advance(0.5)
            waited += 0.5
        return waited

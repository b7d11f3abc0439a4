"""A link that a test can break."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.fakes.loopback import listen


class TcpProxy:
    """
    Passes connections on to a server on loopback.

    :ivar port: where it listens.
    :ivar accepted: how many connections it took.
    """

    def __init__(self, test: TestCase, server_port: int) -> None:
        """:param test: at whose end it is stopped."""
        self.accepted = 0
        self._server_port = server_port
        self._swallowing = False
        self._halves: set[_Half] = set()
        self.port = listen(test, Factory.forProtocol(lambda: _Client(self)))
        test.addCleanup(self.cut)

    def cut(self) -> None:
        """Break every connection off."""
        self._swallowing = False
        for half in list(self._halves):
            half.abort()

    def swallow(self) -> None:
        """Take whatever is sent on the present connections, and pass none of it on."""
        self._swallowing = True

    def dial(self, half: _Half) -> Any:
        """Connect to the server on behalf of a client."""
        self.accepted += 1
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._server_port)
        return connectProtocol(endpoint, half)

    @property
    def swallowing(self) -> bool:
        """Whether nothing is passed on."""
        return self._swallowing

    def appeared(self, half: _Half) -> None:
        """Note one side of a connection."""
        self._halves.add(half)

    def vanished(self, half: _Half) -> None:
        """Forget it."""
        self._halves.discard(half)


class _Half(Protocol):
    """One side of a connection."""

    def __init__(self, proxy: TcpProxy) -> None:
        self.proxy = proxy
        self.other: _Half | None = None
        self.waiting = b""

    def connectionMade(self) -> None:
        self.proxy.appeared(self)

    def dataReceived(self, data: bytes) -> None:
        if self.proxy.swallowing:
            return
        if self.other is None:
            self.waiting += data
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def connectionLost(self, _reason: object = None) -> None:
        self.proxy.vanished(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.loseConnection()

    def abort(self) -> None:
        """Break it off."""
        ITCPTransport(self.transport).abortConnection()


class _Client(_Half):
    """The side of who dialled the proxy."""

    def connectionMade(self) -> None:
        super().connectionMade()
        server = _Half(self.proxy)
        server.other = self

        def connected(_: object) -> None:
            self.other = server
            assert server.transport is not None
            server.transport.write(self.waiting)

        self.proxy.dial(server).addCallbacks(connected, lambda _: self.abort())

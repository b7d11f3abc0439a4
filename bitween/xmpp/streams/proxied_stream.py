"""A stream through a SOCKS5 proxy (XEP-0065), as a Twisted protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from bitween.errors import InvalidValue, RequestRefused
from bitween.xmpp.streams.framing import FramedTransport
from bitween.xmpp.streams.socks import GREETING, Negotiation

#: bytes that are read at once, and that may wait to be written before the writer is paused.
BUFFER = 1 << 18


@implementer(IHalfCloseableProtocol)
class ProxiedStream(Protocol):
    """
    A stream of frames through a proxy; it waits for its protocol once it is connected.

    :ivar ready: fires when the proxy has made the connection, fails if it does not; cancelling it
        closes the stream.
    """

    transport: Any

    def __init__(self, clock: IReactorTime, name: str, jid: str, resource: str) -> None:
        """
        :param name: the name of the stream, for the proxy.
        :param jid: the other side's bare JID.
        """
        self._clock = clock
        self.jid = jid
        self.resource = resource
        self.ready: Deferred[None] = Deferred(lambda _: self.abort())
        self._negotiation = Negotiation(name)
        self._protocol: Any = None
        self._framed: FramedTransport | None = None
        self._lost: Failure | None = None
        self._ended: list[Callable[[], None]] = []

    def when_ended(self, call: Callable[[], None]) -> None:
        """
        Call back once when the connection is lost, or now if it is.

        :param call: called without arguments.
        """
        if self._lost is not None:
            call()
        else:
            self._ended.append(call)

    def begin(self, protocol: IProtocol) -> None:
        """Connect a protocol to it; it receives what has arrived before."""
        self._protocol = protocol
        self._framed = FramedTransport(self._clock, self.transport, protocol)
        protocol.makeConnection(self._framed)
        self._framed.received(self._negotiation.rest)
        if self._lost is not None:
            self._end(self._framed, self._lost)
        else:
            self.transport.resumeProducing()

    def abort(self) -> None:
        """Close it now."""
        if self.transport is not None:
            self.transport.abortConnection()

    def connectionMade(self) -> None:
        """Begin the negotiation."""
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.bufferSize = BUFFER
        self.transport.write(GREETING)

    def dataReceived(self, data: bytes) -> None:
        """Negotiate, then pass everything on."""
        if self._framed is not None:
            self._framed.received(data)
            return
        try:
            answer = self._negotiation.feed(data)
        except InvalidValue as error:
            self._fail(RequestRefused(error.message))
            return
        if answer:
            self.transport.write(answer)
        if self._negotiation.done:
            # Nothing is read before there is a protocol.
            self.transport.pauseProducing()
            self.ready.callback(None)

    def readConnectionLost(self) -> None:
        """Pass it on, or close."""
        if IHalfCloseableProtocol.providedBy(self._protocol):
            self._protocol.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Pass it on."""
        if IHalfCloseableProtocol.providedBy(self._protocol):
            self._protocol.writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on, or fail."""
        self._lost = reason
        if self._framed is not None:
            self._end(self._framed, reason)
        elif not self.ready.called:
            self.ready.errback(RequestRefused.of("request_refused.proxy_hung_up"))
        ended, self._ended = self._ended, []
        for call in ended:
            call()

    def _end(self, framed: FramedTransport, reason: Failure) -> None:
        framed.end()
        self._protocol.connectionLost(reason)

    def _fail(self, error: RequestRefused) -> None:
        self.ready.errback(error)
        self.transport.abortConnection()

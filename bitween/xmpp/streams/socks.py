"""The client's part of SOCKS5 (RFC 1928), as XEP-0065 uses it: no log-in, one connection."""

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

#: Version 5, one method: no authentication (§3).
GREETING = b"\x05\x01\x00"
_CHOSEN = b"\x05\x00"
# Version 5, CONNECT, reserved, a domain name (§4).
_CONNECT = b"\x05\x01\x00\x03"
# What comes of an address after its first octet, by its type (§5); a name begins with its length.
_ADDRESS_SIZES = {1: 4, 4: 16}
_NAME = 3

#: bytes that are read at once, and that may wait to be written before the writer is held up.
BUFFER = 1 << 18


class Negotiation:
    """
    The words that are exchanged before bytes flow; knows no network.

    :ivar done: whether the connection is there.
    :ivar rest: what came after the last word.
    """

    def __init__(self, name: str) -> None:
        """:param name: what to connect to, ASCII, at most 255 characters."""
        encoded = name.encode("ascii")
        self._request = _CONNECT + bytes([len(encoded)]) + encoded + b"\x00\x00"
        self._read = b""
        self._requested = False
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """
        Take in what the proxy says.

        :returns: what to answer.
        :raises InvalidValue: if it refuses, or talks nonsense.
        """
        self._read += data
        answer = b""
        if not self._requested and len(self._read) >= 2:
            if self._read[:2] != _CHOSEN:
                raise InvalidValue("the proxy wants a log-in, or is none")
            self._read = self._read[2:]
            self._requested = True
            answer = self._request
        if self._requested and len(self._read) >= 5:
            self._look_at_reply(self._read)
        return answer

    def _look_at_reply(self, reply: bytes) -> None:
        if reply[0] != 5 or reply[1] != 0:
            raise InvalidValue(f"the proxy does not connect (SOCKS5 reply {reply[1]})")
        kind = reply[3]
        address = 1 + reply[4] if kind == _NAME else _ADDRESS_SIZES.get(kind)
        if address is None:
            raise InvalidValue("the proxy's reply makes no sense")
        size = 4 + address + 2
        if len(reply) >= size:
            self.done, self.rest = True, reply[size:]


@implementer(IHalfCloseableProtocol)
class ProxiedStream(Protocol):
    """
    A stream of frames through a proxy, which waits for its protocol once it is there.

    :ivar ready: fires when the proxy has made the connection, fails if it does not; cancelling it
        breaks off.
    """

    transport: Any

    def __init__(self, clock: IReactorTime, name: str, jid: str, resource: str) -> None:
        """:param name: what the proxy is asked for."""
        self._clock = clock
        self.jid = jid
        self.resource = resource
        self.ready: Deferred[None] = Deferred(lambda _: self.abort())
        self._negotiation = Negotiation(name)
        self._protocol: Any = None
        self._framed: FramedTransport | None = None
        self._lost: Failure | None = None
        self._ended: Callable[[], None] | None = None

    def when_ended(self, call: Callable[[], None]) -> None:
        """Have somebody told, once, when the connection is gone, or at once if it is."""
        if self._lost is not None:
            call()
        else:
            self._ended = call

    def begin(self, protocol: IProtocol) -> None:
        """Have a protocol speak over it; nothing was lost that came before."""
        self._protocol = protocol
        self._framed = FramedTransport(self._clock, self.transport, protocol)
        protocol.makeConnection(self._framed)
        self._framed.received(self._negotiation.rest)
        if self._lost is not None:
            self._end(self._framed, self._lost)
        else:
            self.transport.resumeProducing()

    def abort(self) -> None:
        """Break off."""
        if self.transport is not None:
            self.transport.abortConnection()

    # ---- the connection

    def connectionMade(self) -> None:
        """Greet."""
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
            # Nothing is read before there is somebody to read it.
            self.transport.pauseProducing()
            self.ready.callback(None)

    def readConnectionLost(self) -> None:
        """Pass it on, or end."""
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
            self.ready.errback(RequestRefused("the proxy hung up"))
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    def _end(self, framed: FramedTransport, reason: Failure) -> None:
        framed.end()
        self._protocol.connectionLost(reason)

    def _fail(self, error: RequestRefused) -> None:
        self.ready.errback(error)
        self.transport.abortConnection()

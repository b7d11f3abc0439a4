"""A program that listens where a daemon was, and hears what clients send."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol

_ANSWER = b'{"proofs": ["' + b"0" * 64 + b'"], "result": {}}'
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)


class Impostor:
    """
    Answers as well as one can who does not know the token, or has the daemon elsewhere answer.

    :ivar url: what a stale rendezvous file says.
    :ivar heard: everything that came.
    """

    def __init__(self, reactor: Any, relay_to: int | None = None, *, beside: bool = False) -> None:
        """
        :param relay_to: the port on this machine to hand everything on to.
        :param beside: whether to listen at the same port of the other loopback address.
        """
        self.heard: list[bytes] = []
        self.reactor = reactor
        self.relay_to = relay_to
        factory: Any = Factory.forProtocol(_Client)
        factory.impostor = self
        host, port = ("::1", relay_to or 0) if beside else ("127.0.0.1", 0)
        self._port = reactor.listenTCP(port, factory, interface=host)
        named = f"[{host}]" if beside else host
        self.url = f"http://{named}:{self._port.getHost().port}/api"

    def stop(self) -> Any:
        """Stop listening."""
        return self._port.stopListening()


class _Client(Protocol):
    """A client's connection."""

    factory: Any
    transport: Any
    _onward: Any = None

    def connectionMade(self) -> None:
        """Open the way onward."""
        impostor = self.factory.impostor
        if impostor.relay_to is not None:
            onward: Any = Factory.forProtocol(_Onward)
            onward.back = self.transport
            endpoint = TCP4ClientEndpoint(impostor.reactor, "127.0.0.1", impostor.relay_to)
            endpoint.connect(onward).addCallback(self._reached)

    def _reached(self, onward: Any) -> None:
        self._onward = onward
        onward.transport.write(b"".join(self.factory.impostor.heard))

    def dataReceived(self, data: bytes) -> None:
        """Keep it, and answer or hand it on."""
        self.factory.impostor.heard.append(data)
        if self.factory.impostor.relay_to is None:
            self.transport.write(_RESPONSE)
        elif self._onward is not None:
            self._onward.transport.write(data)


class _Onward(Protocol):
    """The connection to the daemon itself."""

    factory: Any

    def dataReceived(self, data: bytes) -> None:
        """Hand its answer back."""
        self.factory.back.write(data)

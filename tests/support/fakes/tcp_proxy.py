"""A link to a server that a test can break."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IPushProducer, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase


class TcpProxy(Factory[Protocol]):
    """
    Passes connections on to a server, as long as that is little at a time.

    While it is cut it is a black hole: connections stand, new ones are taken, and neither bytes
    nor the end of a connection come through.

    :ivar accepted: how many connections it took.
    :ivar client_bytes: how many bytes of clients it has withheld.
    :ivar server_bytes: how many bytes of the server it has withheld.
    """

    noisy = False

    def __init__(
        self, test: TestCase, host: str, port: int, *, cut_after: bytes | None = None
    ) -> None:
        """
        :param test: at whose end every connection is broken off.
        :param host: where to pass them on to.
        :param cut_after: something that the server says and that still arrives.
        """
        self.accepted = self.client_bytes = self.server_bytes = 0
        self._server = TCP4ClientEndpoint(reactor, host, port)
        self._cut_after = cut_after
        self._up = True
        self._held: list[Callable[[], None]] = []
        self._ends: set[_End] = set()
        test.addCleanup(self.break_off)

    def buildProtocol(self, _: IAddress | None) -> Protocol:
        """Take a connection."""
        self.accepted += 1
        return _ClientEnd(self)

    def cut(self) -> None:
        """Let nothing through any more, in either direction."""
        self._up = False

    def mend(self) -> None:
        """Let everything through, what was held up first."""
        self._up = True
        held, self._held = self._held, []
        for pass_on in held:
            pass_on()

    def break_off(self) -> None:
        """Break every connection off; what was held up is lost, and new ones come through."""
        self._up = True
        self._held.clear()
        for end in list(self._ends):
            end.abort()

    def dial(self, client: _ClientEnd) -> None:
        """Connect to the server on behalf of a client."""

        def connected(server: _End) -> None:
            if client in self._ends:
                client.meet(server)
            else:
                server.abort()

        connectProtocol(self._server, _ServerEnd(self, client)).addCallbacks(
            connected, lambda _: client.abort()
        )

    def through(self, pass_on: Callable[[], None]) -> bool:
        """Do something now, or when the link is mended; returns whether it is done."""
        if not self._up:
            self._held.append(pass_on)
            return False
        pass_on()
        return True

    def said(self, data: bytes) -> None:
        """Look at what the server said."""
        if self._cut_after is not None and self._cut_after in data:
            self._cut_after = None
            self.cut()

    def appeared(self, end: _End) -> None:
        """Note one end of a connection."""
        self._ends.add(end)

    def vanished(self, end: _End) -> None:
        """Forget it."""
        self._ends.discard(end)


class _End(Protocol):
    """One end of a connection."""

    def __init__(self, proxy: TcpProxy, other: _End | None = None) -> None:
        self.proxy = proxy
        self.other = other

    def connectionMade(self) -> None:
        self.proxy.appeared(self)

    def dataReceived(self, data: bytes) -> None:
        def pass_on() -> None:
            if self.other is not None and self.other.transport is not None:
                self.other.transport.write(data)

        if not self.proxy.through(pass_on):
            self.withheld(len(data))

    def withheld(self, count: int) -> None:
        """Count bytes that the proxy has withheld."""
        raise NotImplementedError

    def connectionLost(self, _: Failure = connectionDone) -> None:
        def pass_on() -> None:
            if self.other is not None and self.other.transport is not None:
                self.other.transport.loseConnection()

        self.proxy.vanished(self)
        self.proxy.through(pass_on)

    def abort(self) -> None:
        """Break it off."""
        ITCPTransport(self.transport).abortConnection()


class _ClientEnd(_End):
    """Towards who dialled the proxy."""

    def connectionMade(self) -> None:
        super().connectionMade()
        # The bytes wait until the other connection is up.
        IPushProducer(self.transport).pauseProducing()
        self.proxy.dial(self)

    def withheld(self, count: int) -> None:
        """Count bytes of a client."""
        self.proxy.client_bytes += count

    def meet(self, server: _End) -> None:
        """Begin to listen, on behalf of the server."""
        self.other = server
        IPushProducer(self.transport).resumeProducing()


class _ServerEnd(_End):
    """Towards the server."""

    def withheld(self, count: int) -> None:
        """Count bytes of the server."""
        self.proxy.server_bytes += count

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.proxy.said(data)

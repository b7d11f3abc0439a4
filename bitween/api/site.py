"""An HTTP site that bounds what a client may send, how long it may take and how many there are."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

#: The most bytes in the body of a request.
MAX_BODY = 16 * 2**20
#: Of a body that is refused, read on so far: a client that is cut off while it sends may never
#: read the answer (RFC 9112 §9.6).
MAX_DRAINED = 4 * MAX_BODY
#: Seconds for receiving a request, from its first byte to its last, and for idling between two.
DEADLINE = 30.0
MAX_CONNECTIONS = 100
#: Seconds that a client has to take its last answer when the site closes.
CLOSING_TIME = 2.0

_SAFE_HEADERS = {b"Cache-Control": b"no-store", b"X-Content-Type-Options": b"nosniff"}


class BoundedRequest(Request):
    """A request with a bounded body, and an answer that nobody stores or sniffs."""

    def __init__(self, channel: BoundedChannel, *args: Any) -> None:
        super().__init__(channel, *args)
        self._received = 0
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced to be too long."""
        too_long = length is not None and length > MAX_BODY
        super().gotLength(0 if too_long else length)
        if too_long:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, or pass over it when it is refused."""
        self._received += len(data)
        if self._received > MAX_BODY and not self._refused:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)
        elif self._received > MAX_DRAINED:
            self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Begin to answer, unless that has been done with a refusal."""
        if self._refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def process(self) -> None:
        """Set the headers that every answer has."""
        for name, value in _SAFE_HEADERS.items():
            self.setHeader(name, value)
        super().process()

    def _refuse(self) -> None:
        self._refused = True
        headers = {**_SAFE_HEADERS, b"Connection": b"close", b"Content-Length": b"0"}
        lines = [b"HTTP/1.1 413 Content Too Large", *(b"%s: %s" % h for h in headers.items())]
        self.channel.write(b"\r\n".join(lines) + b"\r\n\r\n")


class BoundedChannel(HTTPChannel):
    """A connection on which the time-out is a deadline, not put off by a byte now and then."""

    site: BoundedSite
    _receiving = False
    _lost: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its clock."""
        if not self._receiving:
            self._receiving = True
            TimeoutMixin.resetTimeout(self)
        super().dataReceived(data)

    def resetTimeout(self) -> None:
        """Do nothing: Twisted would start the clock anew with every byte."""

    def requestDone(self, request: Request) -> None:
        """Be ready for the next request."""
        self._receiving = False
        super().requestDone(request)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # a default that nobody uses
        """Make room for another connection."""
        super().connectionLost(reason)
        self.site.channels.discard(self)
        if self._lost is not None:
            self._lost.callback(None)

    def close(self) -> Deferred[None]:
        """Close once what is written has been sent, or after :data:`CLOSING_TIME`."""
        transport = cast("ITCPTransport", self.transport)  # a Unix socket's is the same in this
        self._lost = Deferred()
        cutting = self.site.reactor.callLater(CLOSING_TIME, transport.abortConnection)
        self.loseConnection()

        def lost(_: None) -> None:
            if cutting.active():
                cutting.cancel()

        return self._lost.addCallback(lost)


class BoundedSite(Site):
    """A site that holds a bounded number of connections, and can close them all."""

    requestFactory = BoundedRequest  # type: ignore[assignment]  # a subclass with the same arguments
    protocol = BoundedChannel  # type: ignore[assignment]  # in place of a proxy that chooses HTTP/2
    displayTracebacks = False
    noisy = False

    def __init__(self, resource: IResource, reactor: IReactorTime) -> None:
        # Parsing forms would hand every body to the email package, and nothing here is a form.
        super().__init__(resource, timeout=DEADLINE, reactor=reactor, parsePOSTFormSubmission=False)
        self.channels: set[BoundedChannel] = set()

    def buildProtocol(  # type: ignore[override]  # the same proxy
        self, addr: IAddress | None
    ) -> BoundedChannel | None:
        """Accept a connection, or refuse it where there are too many."""
        if len(self.channels) >= MAX_CONNECTIONS:
            return None
        channel = super().buildProtocol(addr)
        assert isinstance(channel, BoundedChannel)
        self.channels.add(channel)
        return channel

    def log(self, request: http.Request) -> None:
        """Keep no access log: a command line that waits asks twice a second."""

    async def close(self) -> None:
        """End every connection, answers that are written being sent first."""
        await DeferredList([channel.close() for channel in list(self.channels)])

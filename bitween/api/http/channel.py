"""HTTP connections with a deadline for each request, and bounded heads."""

from __future__ import annotations

from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

#: Seconds for receiving a request, from its first byte to its last, and for idling between two.
DEADLINE = 30.0
#: The same for an unauthenticated connection.
UNAUTHENTICATED_DEADLINE = 10
#: Bytes of a rejected head that are read and dropped.
MAX_DRAINED_HEAD = 2**20
#: Seconds that a client has to read its last answer when the site closes.
CLOSING_TIME = 2.0

_LONG_TARGET = b"414 URI Too Long", b"the target of the request is too long\n"
_LONG_HEADERS = (
    b"431 Request Header Fields Too Large",
    b"the headers are too long, or too many\n",
)
_END_OF_HEAD = b"\r\n\r\n"
_COOKIE = b"Cookie:"


class ChannelSite(Protocol):
    """What a connection needs of its site."""

    reactor: IReactorTime

    def connection_lost(self, channel: BoundedChannel, /) -> None:
        """Handle the end of a connection."""


class BoundedChannel(HTTPChannel):
    """A connection whose time-out is a deadline, which single bytes do not put off."""

    site: ChannelSite
    _receiving = False
    _paused = False
    _shortened = False
    _drain: _HeadDrain | None = None
    _lost: Deferred[None] | None = None

    @property
    def method(self) -> bytes:
        """The method of the request that is being received."""
        return self._command

    @property
    def target(self) -> bytes:
        """The target of the request that is being received (RFC 9112 §3.2)."""
        return self._path

    @target.setter
    def target(self, target: bytes) -> None:
        self._path = target

    @property
    def version(self) -> bytes:
        """The HTTP version of the request that is being received."""
        return self._version

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its deadline."""
        if self._drain is not None:
            self._drop(self._drain, data)
            return
        if not self._receiving:
            self._receiving = True
            TimeoutMixin.resetTimeout(self)
        super().dataReceived(data)
        while self._shortened:
            self._shortened = False
            super().dataReceived(b"")

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a head, without the content of cookies."""
        super().lineReceived(_COOKIE if _is_cookie(line) else line)
        if self._drain is not None and not line:  # the last header made the head too large
            self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> object:
        """
        Drop cookies of any length, and reject any other line that is too long.

        A browser sends us the cookies that servers at other ports of the host have set.  Those
        servers must not be able to lock its user out by setting many.
        """
        if not _is_cookie(line):
            self._reject_head(*(_LONG_HEADERS if self.requests else _LONG_TARGET), line)
            return None
        _, end, rest = line.partition(self.delimiter)
        if not end and line.endswith(b"\r"):  # which may be half of the delimiter
            end = b"\r"
        # The next bytes belong to the same line, of which only the beginning stays in the buffer.
        self._buffer = _COOKIE + end + rest
        self._shortened = True
        return None

    def headerReceived(self, line: bytes) -> bool:
        """Take a header; Twisted raises for a Content-Length of thousands of digits."""
        try:
            taken: bool = super().headerReceived(line)
        except ValueError:
            self._respondToBadRequestAndDisconnect()
            return False
        return taken

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Reject a malformed request, with the exact status if its head is too large."""
        size, count = self._receivedHeaderSize, self._receivedHeaderCount
        if size > self.totalHeadersSize or count > self.maxHeaders:
            # The delimiter stands for the end of the line that came before.
            self._reject_head(*_LONG_HEADERS, b"\r\n" + self.clearLineBuffer())
        else:
            super()._respondToBadRequestAndDisconnect()

    def _reject_head(self, status: bytes, text: bytes, rest: bytes) -> None:
        """
        Answer a request whose head is too large, and drop the rest of the head.

        A client that is cut off while it sends may never read the answer.
        """
        assert self.transport is not None
        self._drain = _HeadDrain()
        self.transport.write(
            b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, len(text), text)
        )
        self._drop(self._drain, rest)

    def _drop(self, drain: _HeadDrain, data: bytes) -> None:
        if drain.ends_with(data):
            self.loseConnection()

    def resetTimeout(self) -> None:
        """Do nothing: Twisted would restart the deadline with every byte."""

    def note_progress(self) -> None:
        """Restart the deadline: a long body may take longer, as long as it keeps arriving."""
        TimeoutMixin.resetTimeout(self)

    def authenticated(self) -> None:
        """Give the connection the longer deadline of authenticated ones."""
        self.setTimeout(DEADLINE)

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self._receiving and not self.requests

    def pause_reading(self) -> None:
        """Pause reading a body."""
        self._paused = True
        self._networkProducer.pauseProducing()

    def resume_reading(self) -> None:
        """Read on, if reading was paused."""
        if self._paused:
            self._paused = False
            self.note_progress()
            self._networkProducer.resumeProducing()

    def timeoutConnection(self) -> None:
        """Close the connection of a slow client, but not of one that waits for us."""
        if self._paused:
            self.setTimeout(self.timeOut)
        else:
            super().timeoutConnection()

    def requestDone(self, request: Request) -> None:
        """Get ready for the next request."""
        self._receiving = False
        super().requestDone(request)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # a default that nobody uses
        """Report the end to the site."""
        super().connectionLost(reason)
        self.site.connection_lost(self)
        if self._lost is not None:
            self._lost.callback(None)

    def abort(self) -> None:
        """Close the connection at once."""
        # A Unix socket's transport can do this, too.
        cast("ITCPTransport", self.transport).abortConnection()

    def close(self) -> Deferred[None]:
        """Close once what is written has been sent, or after :data:`CLOSING_TIME`."""
        self._lost = Deferred()
        aborting = self.site.reactor.callLater(CLOSING_TIME, self.abort)
        self.loseConnection()

        def lost(_: None) -> None:
            if aborting.active():
                aborting.cancel()

        return self._lost.addCallback(lost)


class _HeadDrain:
    """Drops the rest of a rejected head, and finds its end."""

    def __init__(self) -> None:
        self._dropped = 0
        self._last = b""

    def ends_with(self, data: bytes) -> bool:
        """Whether the head ends in these bytes, or exceeds :data:`MAX_DRAINED_HEAD`."""
        self._dropped += len(data)
        ends = _END_OF_HEAD in self._last + data
        self._last = (self._last + data)[1 - len(_END_OF_HEAD) :]
        return ends or self._dropped > MAX_DRAINED_HEAD


def _is_cookie(line: bytes) -> bool:
    return line[: len(_COOKIE)].lower() == _COOKIE.lower()

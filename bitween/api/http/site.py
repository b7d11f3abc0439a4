"""An HTTP site that bounds what a client may send, how long it may take and how many there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from bitween.api.http.access import Access, Caller
from bitween.api.http.network import network_of
from bitween.api.http.refusal import ErrorPage

#: The most bytes in the body of a request.
MAX_BODY = 16 * 2**20
#: The same where nobody has logged in: a token, at most.
MAX_PUBLIC_BODY = 4096
#: Of a body that is refused, read on so far: a client that is cut off while it sends may never
#: read the answer (RFC 9112 §9.6).
MAX_DRAINED = 4 * MAX_BODY
#: The same of a head that is refused.
MAX_DRAINED_HEAD = 2**20
#: Seconds for receiving a request, from its first byte to its last, and for idling between two.
DEADLINE = 30.0
#: Connections at a time on which somebody has shown who they are.
MAX_CONNECTIONS = 100
#: The same for those on which nobody has; one more makes room for itself.
MAX_STRANGERS = 64
#: Seconds that such a client has for a request, and for idling between two.
STRANGERS_DEADLINE = 10
#: Seconds that a client has to take its last answer when the site closes.
CLOSING_TIME = 2.0

_SAFE_HEADERS = {b"Cache-Control": b"no-store", b"X-Content-Type-Options": b"nosniff"}
_TOO_LONG = ErrorPage(413, "the body is too long")
_TOO_MANY = ErrorPage(503, "too many connections are in use", retry_after="5")


_LONG_TARGET = b"414 URI Too Long", b"the target of the request is too long\n"
_LONG_HEADERS = (
    b"431 Request Header Fields Too Large",
    b"the headers are too long, or too many\n",
)
_END_OF_HEAD = b"\r\n\r\n"

#: Whose a connection is: all together who may only look, else who shows the same token or session.
_Holder = tuple[Access, str | None, str | None]

_COOKIE = b"Cookie:"
# RFC 3986 §3: the authority, and what follows.
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class Receiver(Protocol):
    """Takes the body of a request as it comes."""

    def take(self, data: bytes) -> None:
        """Take the next bytes."""


class BoundedRequest(Request):
    """
    A request that is judged by its headers, with a body that is bounded by who sends it.

    :ivar caller: who that is; nobody until the headers are there.
    :ivar receiver: takes the body, if it is not to be kept until all of it is there.
    """

    channel: BoundedChannel
    caller = Caller(Access.PUBLIC)
    receiver: Receiver | None = None

    def __init__(self, channel: BoundedChannel, *args: Any) -> None:
        super().__init__(channel, *args)
        self._received = 0
        self._refusal: ErrorPage | None = None
        self._answered = False

    def gotLength(self, length: int | None) -> None:
        """Judge by the headers, and refuse what must be refused before the body is read."""
        self._take_first_line()
        verdict = self.channel.site.judge(self)
        if isinstance(verdict, ErrorPage):
            self._refusal = verdict
        else:
            self.caller = verdict
            self._refusal = self._take_place() or self._begin_body(length)
        super().gotLength(0 if self._refusal or self.receiver else length)
        if self._refusal and length != 0:
            self.refuse_body(self._refusal)

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, or pass over it when it is refused."""
        if self._answered:
            self._pass_over(data)
        elif self.receiver is not None:
            self.channel.progressed()
            self.receiver.take(data)
        else:
            self._received += len(data)
            if self._received > self._max_body:
                self.refuse_body(_TOO_LONG)
            else:
                super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Begin to answer, unless that has been done with a refusal."""
        if self._answered:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def process(self) -> None:
        """Set the headers that every answer has, and answer."""
        self._set_safe_headers()
        if self._refusal is None:
            super().process()
        else:
            self.site = self.channel.site
            self.render(self._refusal)

    def render(self, resrc: IResource) -> None:
        """Have a resource answer, HEAD with headers alone."""
        super().render(_HeadersOf(resrc) if self.method == b"HEAD" else resrc)

    def refuse_body(self, refusal: ErrorPage) -> None:
        """Answer now; what still comes of the body is passed over."""
        self._answered = True
        self.requestHeaders.removeHeader(b"expect")  # Twisted would ask for the body by it
        self._set_safe_headers()
        self.setHeader(b"connection", b"close")
        text = refusal.render(self)
        self.setHeader(b"content-length", b"%d" % len(text))
        self.write(text)
        self.channel.go_on()

    def _take_place(self) -> ErrorPage | None:
        """Have a place that no stranger takes, once it is known who this is."""
        if self.caller.access is Access.PUBLIC or self.channel.site.welcome(
            self.channel, self.caller
        ):
            return None
        return _TOO_MANY

    def _begin_body(self, length: int | None) -> ErrorPage | None:
        """Choose what takes the body, or say why nothing does."""
        chosen = self.channel.site.receive(self, length)
        if chosen is None:
            return _TOO_LONG if length is not None and length > self._max_body else None
        if isinstance(chosen, ErrorPage):
            return chosen
        self.receiver = chosen
        return None

    def _pass_over(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_DRAINED:
            self.channel.loseConnection()

    @property
    def _max_body(self) -> int:
        return MAX_PUBLIC_BODY if self.caller.access is Access.PUBLIC else MAX_BODY

    def _take_first_line(self) -> None:
        # Twisted hands it over after the body, which is too late to judge by it.
        channel = self.channel
        self._take_absolute_form()
        self.method, self.uri, self.clientproto = channel._command, channel._path, channel._version  # noqa: SLF001  # there is no other way
        self.path = self.uri.partition(b"?")[0]

    def _take_absolute_form(self) -> None:
        """
        Take a target that names scheme and host, as a proxy gets it, for what it means.

        The host in it counts then, and not the header (RFC 9112 §3.2.2); several headers of that
        are refused all the same.
        """
        absolute = _ABSOLUTE.fullmatch(self.channel._path)  # noqa: SLF001  # see above
        if absolute is None:
            return
        if len(self.requestHeaders.getRawHeaders(b"host", [])) <= 1:
            self.requestHeaders.setRawHeaders(b"host", [absolute[1]])
        rest = absolute[2]
        self.channel._path = rest if rest.startswith(b"/") else b"/" + rest  # noqa: SLF001  # likewise

    def _set_safe_headers(self) -> None:
        for name, value in _SAFE_HEADERS.items():
            self.setHeader(name, value)


class BoundedChannel(HTTPChannel):
    """A connection on which the time-out is a deadline, not put off by a byte now and then."""

    site: BoundedSite
    _receiving = False
    _held = False
    _shortened = False
    _drain: _Drain | None = None
    _lost: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its clock."""
        if self._drain is not None:
            self._pass_over(self._drain, data)
            return
        if not self._receiving:
            self._receiving = True
            TimeoutMixin.resetTimeout(self)
        super().dataReceived(data)
        while self._shortened:
            self._shortened = False
            super().dataReceived(b"")

    def lineReceived(self, line: bytes) -> None:
        """Take a line of the head of a request, but for what cookies hold."""
        super().lineReceived(_COOKIE if _is_cookie(line) else line)
        if self._drain is not None and not line:  # the head was refused by its last header
            self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> object:
        """
        Pass over cookies of any length, and refuse any other line that is too long.

        A browser sends us the cookies that servers at other ports of the host have set: they must
        not be able to lock its user out by giving it many.
        """
        if not _is_cookie(line):
            self._refuse_head(*(_LONG_HEADERS if self.requests else _LONG_TARGET), line)
            return None
        _, end, rest = line.partition(self.delimiter)
        if not end and line.endswith(b"\r"):  # which may be half of the end
            end = b"\r"
        # What comes next belongs to the same line, of which no more is held than its beginning.
        self._buffer = _COOKIE + end + rest
        self._shortened = True
        return None

    def headerReceived(self, line: bytes) -> bool:
        """Take a header, also one that Twisted stumbles over: a length of thousands of digits."""
        try:
            taken: bool = super().headerReceived(line)
        except ValueError:
            self._respondToBadRequestAndDisconnect()
            return False
        return taken

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse a request that cannot be read; if it is too much of one, say that."""
        size, count = self._receivedHeaderSize, self._receivedHeaderCount
        if size > self.totalHeadersSize or count > self.maxHeaders:
            # As if the line before had just ended, for it has.
            self._refuse_head(*_LONG_HEADERS, b"\r\n" + self.clearLineBuffer())
        else:
            super()._respondToBadRequestAndDisconnect()

    def _refuse_head(self, status: bytes, text: bytes, rest: bytes) -> None:
        """
        Answer a request of which not even the head is taken, and pass over the rest of that.

        A client that is cut off while it sends may never read the answer.
        """
        assert self.transport is not None
        self._drain = _Drain()
        self.transport.write(
            b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, len(text), text)
        )
        self._pass_over(self._drain, rest)

    def _pass_over(self, drain: _Drain, data: bytes) -> None:
        if drain.is_done_with(data):
            self.loseConnection()

    def resetTimeout(self) -> None:
        """Do nothing: Twisted would start the clock anew with every byte."""

    def progressed(self) -> None:
        """Begin the time-out anew: a request may take long that does not stand still."""
        TimeoutMixin.resetTimeout(self)

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self._receiving and not self.requests

    def hold(self) -> None:
        """Read no more of a body for now."""
        self._held = True
        self._networkProducer.pauseProducing()

    def go_on(self) -> None:
        """Read on."""
        if self._held:
            self._held = False
            self.progressed()
            self._networkProducer.resumeProducing()

    def timeoutConnection(self) -> None:
        """Cut off a client that is slow, but not one that waits for us."""
        if self._held:
            self.setTimeout(self.timeOut)
        else:
            super().timeoutConnection()

    def requestDone(self, request: Request) -> None:
        """Be ready for the next request."""
        self._receiving = False
        super().requestDone(request)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # a default that nobody uses
        """Make room for another connection."""
        super().connectionLost(reason)
        self.site.forget(self)
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


class _Drain:
    """Takes what is left of a head, and holds none of it."""

    def __init__(self) -> None:
        self._passed = 0
        self._last = b""

    def is_done_with(self, data: bytes) -> bool:
        """Whether the head ends in these bytes, or it is time to listen no more."""
        self._passed += len(data)
        ends = _END_OF_HEAD in self._last + data
        self._last = (self._last + data)[1 - len(_END_OF_HEAD) :]
        return ends or self._passed > MAX_DRAINED_HEAD


class _HeadersOf(Resource):
    """
    Answers HEAD as another resource answers GET, without the body (RFC 9110 §9.3.2).

    Twisted would log a warning for each body that it has to leave out.
    """

    isLeaf = True

    def __init__(self, resource: IResource) -> None:
        super().__init__()
        self._resource = resource

    def render(self, request: Request) -> bytes | int:
        """Give the headers, and the length that there would be."""
        body: bytes | int = self._resource.render(request)
        if not isinstance(body, bytes) or not body:
            return body
        request.setHeader(b"content-length", b"%d" % len(body))
        request.write(b"")
        request.finish()
        return NOT_DONE_YET


def _holder(caller: Caller) -> _Holder:
    if caller.access is Access.READ_ONLY:
        return caller.access, None, None
    return caller.access, caller.token, caller.session


def _is_cookie(line: bytes) -> bool:
    return line[: len(_COOKIE)].lower() == _COOKIE.lower()


def _keep(_request: BoundedRequest, _length: int | None) -> None:
    """Have a body kept until all of it is there."""


class BoundedSite(Site):
    """
    A site that holds a bounded number of connections, and can close them.

    Whoever has not shown who they are is a stranger.  Strangers have places of their own, and the
    one that came first of those from where the most came goes when they are too many: so nobody
    keeps those out who have a token.  Who comes by a Unix socket is our own user.

    :ivar judge: says who sent a request, of which there are the headers, or why it is refused.
    :ivar receive: says what takes its body, of a length that may be unknown, or why nothing does;
        ``None`` where it is short enough to be kept until it is there.
    :ivar url: the API's, while somebody serves it.
    """

    requestFactory = BoundedRequest  # type: ignore[assignment]  # a subclass with the same arguments
    protocol = BoundedChannel  # type: ignore[assignment]  # in place of a proxy that chooses HTTP/2
    displayTracebacks = False
    noisy = False

    def __init__(
        self,
        resource: IResource,
        reactor: IReactorTime,
        judge: Callable[[Request], Caller | ErrorPage],
        receive: Callable[[BoundedRequest, int | None], Receiver | ErrorPage | None] = _keep,
    ) -> None:
        # Parsing forms would hand every body to the email package, and nothing here is a form.
        super().__init__(resource, timeout=DEADLINE, reactor=reactor, parsePOSTFormSubmission=False)
        self.judge = judge
        self.receive = receive
        self.url: str | None = None
        # With where they come from; those that came first are first.
        self._strangers: dict[BoundedChannel, str] = {}
        # With whose they are, likewise.
        self._known: dict[BoundedChannel, _Holder] = {}
        self._ours: set[BoundedChannel] = set()
        self._trimming = False

    @property
    def channels(self) -> frozenset[BoundedChannel]:
        """Every connection."""
        return frozenset((*self._strangers, *self._known, *self._ours))

    def buildProtocol(  # type: ignore[override]  # the same proxy
        self, addr: IAddress | None
    ) -> BoundedChannel:
        """Accept a connection, if at the cost of another one."""
        channel = super().buildProtocol(addr)
        assert isinstance(channel, BoundedChannel)
        if isinstance(addr, UNIXAddress):
            self._ours.add(channel)
            return channel
        channel.timeOut = STRANGERS_DEADLINE
        self._strangers[channel] = network_of(getattr(addr, "host", ""))
        if len(self._strangers) > MAX_STRANGERS and not self._trimming:
            self._trimming = True
            # Not at once: a request that comes with its connection is read in the next turn.
            self.reactor.callLater(0, self.reactor.callLater, 0, self._trim)
        return channel

    def _trim(self) -> None:
        self._trimming = False
        while len(self._strangers) > MAX_STRANGERS:
            most, _ = Counter(self._strangers.values()).most_common(1)[0]
            oldest = next(c for c, origin in self._strangers.items() if origin == most)
            self._cut(oldest)

    def welcome(self, channel: BoundedChannel, caller: Caller) -> bool:
        """
        Give a connection on which somebody has shown who they are a place among such.

        If all are taken, one that idles goes, or else the oldest of the token or session that has
        the most.  Who may only look counts as one, with however many log-ins: so nobody who was
        given such a token keeps the owner out.

        :returns: whether there is a place.
        """
        if channel not in self._strangers:
            return True
        holder = _holder(caller)
        if len(self._known) >= MAX_CONNECTIONS:
            giving_way = next((other for other in self._known if other.idle), None)
            giving_way = giving_way or self._of_the_greediest(holder)
            if giving_way is None:
                return False
            self._cut(giving_way)
        del self._strangers[channel]
        self._known[channel] = holder
        channel.setTimeout(DEADLINE)
        return True

    def _of_the_greediest(self, wanting: _Holder) -> BoundedChannel | None:
        """The oldest connection of who has the most; none if that is who wants one more."""
        counts = Counter(self._known.values())
        most, count = counts.most_common(1)[0]
        if count <= counts[wanting] + 1:
            return None
        return next(channel for channel, holder in self._known.items() if holder == most)

    def forget(self, channel: BoundedChannel) -> None:
        """Make room for another connection."""
        self._strangers.pop(channel, None)
        self._known.pop(channel, None)
        self._ours.discard(channel)

    def _cut(self, channel: BoundedChannel) -> None:
        self.forget(channel)
        cast("ITCPTransport", channel.transport).abortConnection()

    def log(self, request: http.Request) -> None:
        """Keep no access log: a command line that waits asks twice a second."""

    def end_requests(self, unwanted: Callable[[Caller], bool]) -> None:
        """Cut off those whose requests by certain callers are not answered to the end."""
        for channel in list(self.channels):
            if any(unwanted(request.caller) for request in channel.requests):
                cast("ITCPTransport", channel.transport).abortConnection()

    async def close(self) -> None:
        """End every connection, answers that are written being sent first."""
        await DeferredList([channel.close() for channel in list(self.channels)])

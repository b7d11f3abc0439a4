"""HTTP requests that are checked by their headers, before their body is read."""

from __future__ import annotations

import re
from typing import Any, Protocol, cast

from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from bitween.api.http.access import Caller, TokenAccess
from bitween.api.http.channel import BoundedChannel
from bitween.api.http.error_page import ErrorPage

#: The most bytes in the body of a request.
MAX_BODY = 16 * 2**20
#: The same for a caller who has not authenticated: a log-in sends a token, at most.
MAX_PUBLIC_BODY = 4096
#: Bytes of a rejected body that are read and dropped: a client that is cut off while it sends may
#: never read the answer (RFC 9112 §9.6).
MAX_DRAINED = 4 * MAX_BODY

_SAFE_HEADERS = {b"Cache-Control": b"no-store", b"X-Content-Type-Options": b"nosniff"}
_TOO_LONG = ErrorPage(413, "the body is too long")
_TOO_MANY = ErrorPage(503, "too many connections are in use", retry_after="5")

# RFC 3986 §3: the authority, and what follows.
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class BodyReceiver(Protocol):
    """Takes the body of a request as it arrives."""

    def take(self, data: bytes) -> None:
        """Take the next bytes."""


class RequestSite(Protocol):
    """What a request needs of its site."""

    def check(self, request: BoundedRequest, /) -> Caller | ErrorPage:
        """Find the caller by the headers, or the error to answer."""

    def authenticate(self, request: BoundedRequest, /) -> bool:
        """Count the request's connection as authenticated; false if all places are in use."""

    def body_receiver(
        self, request: BoundedRequest, length: int | None, /
    ) -> BodyReceiver | ErrorPage | None:
        """
        Choose what takes the body.

        :param length: bytes; ``None`` if the client does not say.
        :returns: ``None`` to keep the body in memory until it is complete.
        """


class BoundedRequest(Request):
    """
    A request that is checked by its headers, and whose body is bounded by who sends it.

    Twisted calls :meth:`gotLength` when the headers are complete, :meth:`handleContentChunk` for
    each part of the body, and :meth:`requestReceived` at its end.  If the check fails and there is
    a body, the error is answered at once, and the body is read and dropped.

    :ivar caller: who sends it; a public caller until the headers are complete.
    :ivar receiver: takes the body; ``None`` if the body is kept in memory until it is complete.
    """

    channel: BoundedChannel
    caller = Caller(TokenAccess.PUBLIC)
    receiver: BodyReceiver | None = None

    def __init__(self, channel: BoundedChannel, *args: Any) -> None:
        super().__init__(channel, *args)
        self._received = 0
        self._error: ErrorPage | None = None
        self._answered = False

    def gotLength(self, length: int | None) -> None:
        """
        Check the headers, and choose what takes the body.

        :param length: bytes of the body; ``None`` if the client does not say.
        """
        self._take_request_line()
        checked = self._site.check(self)
        if isinstance(checked, ErrorPage):
            self._error = checked
        else:
            self.caller = checked
            self._error = self._authenticate() or self._begin_body(length)
        super().gotLength(0 if self._error or self.receiver else length)
        if self._error and length != 0:
            self.reject_body(self._error)

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body, or drop it if the body is rejected."""
        if self._answered:
            self._drain(data)
        elif self.receiver is not None:
            self.channel.note_progress()
            self.receiver.take(data)
        else:
            self._received += len(data)
            if self._received > self._max_body:
                self.reject_body(_TOO_LONG)
            else:
                super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Answer, unless the body was rejected, which answered it."""
        if self._answered:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def process(self) -> None:
        """Set the headers that every answer has, and answer."""
        self._set_safe_headers()
        if self._error is None:
            super().process()
        else:
            self.site = cast("Site", self.channel.site)
            self.render(self._error)

    def render(self, resrc: IResource) -> None:
        """Have a resource answer; a HEAD request gets the headers alone."""
        super().render(_HeadersOf(resrc) if self.method == b"HEAD" else resrc)

    def reject_body(self, error: ErrorPage) -> None:
        """Answer with an error now; the rest of the body is read and dropped."""
        self._answered = True
        self.requestHeaders.removeHeader(b"expect")  # by which Twisted would ask for the body
        self._set_safe_headers()
        self.setHeader(b"connection", b"close")
        text = error.render(self)
        self.setHeader(b"content-length", b"%d" % len(text))
        self.write(text)
        self.channel.resume_reading()

    def _authenticate(self) -> ErrorPage | None:
        """Count the connection as authenticated, if the caller is."""
        if self.caller.access is TokenAccess.PUBLIC or self._site.authenticate(self):
            return None
        return _TOO_MANY

    def _begin_body(self, length: int | None) -> ErrorPage | None:
        """Choose what takes the body, or return the error if nothing does."""
        chosen = self._site.body_receiver(self, length)
        if chosen is None:
            return _TOO_LONG if length is not None and length > self._max_body else None
        if isinstance(chosen, ErrorPage):
            return chosen
        self.receiver = chosen
        return None

    def _drain(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_DRAINED:
            self.channel.loseConnection()

    @property
    def _site(self) -> RequestSite:
        # The channel cannot name this type: it knows nothing of requests.
        return cast("RequestSite", self.channel.site)

    @property
    def _max_body(self) -> int:
        return MAX_PUBLIC_BODY if self.caller.access is TokenAccess.PUBLIC else MAX_BODY

    def _take_request_line(self) -> None:
        # Twisted hands it over after the body, which is too late for a check.
        self.channel.target = self._origin_form(self.channel.target)
        self.method, self.uri = self.channel.method, self.channel.target
        self.clientproto = self.channel.version
        self.path = self.uri.partition(b"?")[0]

    def _origin_form(self, target: bytes) -> bytes:
        """
        Reduce a target with scheme and host, which proxies get, to its path and query.

        The host in the target replaces the ``Host`` header (RFC 9112 §3.2.2).  A request with
        several such headers keeps them, and is rejected for it.
        """
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            return target
        if len(self.requestHeaders.getRawHeaders(b"host", [])) <= 1:
            self.requestHeaders.setRawHeaders(b"host", [absolute[1]])
        rest = absolute[2]
        return rest if rest.startswith(b"/") else b"/" + rest

    def _set_safe_headers(self) -> None:
        for name, value in _SAFE_HEADERS.items():
            self.setHeader(name, value)


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
        """Send the headers, with the length that the body would have."""
        body: bytes | int = self._resource.render(request)
        if not isinstance(body, bytes) or not body:
            return body
        request.setHeader(b"content-length", b"%d" % len(body))
        request.write(b"")
        request.finish()
        return NOT_DONE_YET

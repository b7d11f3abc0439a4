"""
``GET /files/HASH/INDEX``: sends a file of a torrent, even while it is being downloaded.

``POST /files/HASH/ticket`` makes a ticket for the query of such a URL: a browser sends no
``Authorization`` header when it plays a video.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import CACHED
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from bitween.api.files.byte_range import ByteRange, Unsatisfiable, asked_range
from bitween.api.http.body_writer import BodyWriter
from bitween.api.http.content_type import HEAD, UNKNOWN, ContentType, type_of
from bitween.api.http.disposition import content_disposition
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.file_tickets import LIFE, FileTickets
from bitween.api.http.file_url import TICKET, parse_file, parse_torrent
from bitween.api.http.json_stream import encode
from bitween.api.http.places import Places
from bitween.api.http.request import BoundedRequest
from bitween.app.content import FileContent
from bitween.errors import BitweenError, InvalidValue, NotFetched, NotFound, SwarmError
from bitween.model.file_span import PieceRange
from bitween.model.torrent import InfoHash

#: Downloads at a time; a browser has six connections, and a player keeps one or two.
MAX_READERS = 24
#: How many of them guests may have together.
MAX_GUEST_READERS = 16
#: Seconds to wait for bytes that are not downloaded yet.
PATIENCE = 60.0

_TRY_AGAIN = "5"

_HEADERS = {
    "Accept-Ranges": "bytes",
    # Whatever type a browser assumes: nothing runs, nothing is loaded, and it has no origin.
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class FilePages(Resource):
    """Sends files, whole or in part (RFC 9110 §14)."""

    isLeaf = True

    def __init__(
        self,
        open_content: Callable[[InfoHash, int], FileContent],
        clock: IReactorTime,
        tickets: FileTickets,
    ) -> None:
        """
        :param open_content: opens a file, by the info-hash of its torrent and its index, counted
            from 0; raises a :class:`BitweenError` if that is not possible.  The answer closes the
            file.
        """
        super().__init__()
        self._open_content = open_content
        self._tickets = tickets
        self._clock = clock
        self._places = Places(MAX_READERS, MAX_GUEST_READERS)

    def render(self, request: BoundedRequest) -> bytes | int:
        """Start to send a file, or make a ticket."""
        if request.method == b"POST":
            return self._issue(request)
        if request.method not in {b"GET", b"HEAD"}:
            return ErrorPage(405, "use GET", allow="GET, HEAD").render(request)
        if not self._places.has_room(request.caller):
            busy = ErrorPage(503, "too many files are being read", retry_after=_TRY_AGAIN)
            return busy.render(request)
        try:
            info_hash, number = parse_file(request.postpath or [])
            content = self._open_content(info_hash, number)
        except BitweenError as error:
            return _error_page(error).render(request)
        tag = b'"%b-%d"' % (info_hash.encode(), number)
        release = self._places.take(request.caller)
        _Answer(request, content, tag, self._clock).begin(release)
        return NOT_DONE_YET

    def _issue(self, request: BoundedRequest) -> bytes:
        path = request.postpath or []
        if path[1:] != [TICKET]:
            return ErrorPage(405, "use GET", allow="GET, HEAD").render(request)
        try:
            info_hash = parse_torrent(path)
        except InvalidValue as error:
            return _error_page(error).render(request)
        ticket = self._tickets.issue(info_hash, request.caller)
        request.setHeader("Content-Type", "application/json")
        return encode({"ticket": ticket, "seconds": LIFE}).encode("ascii")


class _Answer:
    """The answer to one request for a file."""

    _log = Logger()

    def __init__(
        self, request: Request, content: FileContent, tag: bytes, clock: IReactorTime
    ) -> None:
        """:param tag: a strong validator: the same hash always means the same bytes."""
        self._request = request
        self._content = content
        self._tag = tag
        self._clock = clock
        self._writer = BodyWriter(request, clock)
        self._begun = False

    def begin(self, ended: Callable[[], None]) -> None:
        """Answer; then close the file, and call ``ended``."""
        answering = Deferred.fromCoroutine(self._answer())

        def close(result: object) -> object:
            self._content.file.close()
            ended()
            return result

        # The client may go away before the answer is complete.
        self._request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addBoth(close).addErrback(self._failed)

    async def _answer(self) -> None:
        if self._request.setETag(self._tag) is CACHED:
            self._request.finish()
            return
        try:
            byte_range = self._asked()
        except Unsatisfiable:
            self._send_error(
                ErrorPage(
                    416, "there are no such bytes", content_range=f"bytes */{self._content.size}"
                )
            )
            return
        await self._send(
            byte_range or ByteRange(0, self._content.size), partial=byte_range is not None
        )

    def _asked(self) -> ByteRange | None:
        """
        The range that the client asks for; ``None`` for the whole file.

        :raises Unsatisfiable: if the file has no such range.
        """
        header = self._request.getHeader
        # Only GET has ranges (§14.2); with another validator, send the whole file (§13.1.5).
        if self._request.method != b"GET" or header(b"if-range") not in {None, self._tag}:
            return None
        return asked_range(header(b"range"), self._content.size)

    async def _send(self, wanted: ByteRange, partial: bool) -> None:
        content_type = type_of(self._content.path)
        if self._request.method == b"HEAD" or not wanted.length:
            self._set_headers(content_type, wanted, partial)
            self._request.finish()
            return
        span = self._content.file.span
        last = span.last_piece(wanted.end)
        for piece_range in span.piece_ranges(wanted.start, wanted.end):
            data = memoryview(await self._piece(piece_range, last))
            if not self._begun:
                self._begun = True
                self._set_headers(self._checked(content_type, piece_range, data), wanted, partial)
                self._writer.begin()
            await self._writer.write(data[piece_range.start : piece_range.end])
        self._writer.end()

    async def _piece(self, piece_range: PieceRange, last: int) -> bytes:
        piece = self._content.file.piece(piece_range.piece, last)
        return await piece.addTimeout(PATIENCE, self._clock)

    def _checked(
        self, content_type: ContentType, piece_range: PieceRange, data: memoryview
    ) -> ContentType:
        """Check the type by the beginning of the file, if that has been read anyway."""
        span = self._content.file.span
        if piece_range.piece != span.offset // span.piece_length:
            return content_type
        start = span.offset % span.piece_length
        head = bytes(data[start : start + min(HEAD, span.size)])
        return content_type if content_type.fits(head) else UNKNOWN

    def _set_headers(self, content_type: ContentType, wanted: ByteRange, partial: bool) -> None:
        request, size = self._request, self._content.size
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        kind = "inline" if content_type.preview else "attachment"
        request.setHeader("Content-Type", content_type.media_type)
        request.setHeader("Content-Disposition", content_disposition(kind, self._content.path))
        request.setHeader("Content-Length", str(wanted.length))
        if partial:
            request.setResponseCode(206)
            request.setHeader("Content-Range", f"bytes {wanted.start}-{wanted.end - 1}/{size}")

    def _send_error(self, error: ErrorPage) -> None:
        text = error.render(self._request)
        self._request.setHeader("Content-Length", str(len(text)))
        self._request.write(text)
        self._request.finish()

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if not failure.check(defer.TimeoutError, BitweenError):
            self._log.failure("sending a file failed", failure)
        if self._begun:
            # The one way to tell the client that the rest will not follow.
            cast("ITCPTransport", self._request.channel.transport).abortConnection()
        else:
            self._request.etag = None
            self._send_error(_error_page(failure.value))


def _error_page(error: BaseException | None) -> ErrorPage:
    """The HTTP answer to an error."""
    if isinstance(error, defer.TimeoutError):
        text = "the bytes have not come yet (try again later)"
        return ErrorPage(503, text, retry_after=_TRY_AGAIN)
    if isinstance(error, NotFound | InvalidValue):
        return ErrorPage(404, str(error))
    if isinstance(error, NotFetched | SwarmError):
        return ErrorPage(409, str(error))
    return ErrorPage(500, "internal error")

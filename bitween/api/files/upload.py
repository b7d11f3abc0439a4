"""``PUT /upload/PATH``: writes a file to the disk while a client sends it, and shares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import parse_qs
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from bitween.api.http.access import TokenAccess
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.json_stream import encode
from bitween.api.http.request import BoundedRequest
from bitween.api.results.shapes.sharing import Uploaded
from bitween.app.application import Bitween
from bitween.errors import (
    BitweenError,
    ConfirmationNeeded,
    InvalidValue,
    NoRoom,
    UnknownUpload,
    UploadFailed,
)
from bitween.files.uploads.names import read_path
from bitween.files.uploads.uploads import Upload, Uploads
from bitween.model.access import Access as ShareAccess
from bitween.model.text import printable, visible_path
from bitween.model.torrent import FileOrigin
from bitween.model.torrent_file import SUFFIX

#: First part of the path.
UPLOAD = "upload"
_PREFIX = f"/{UPLOAD}/".encode()
_STATUS: Mapping[type[BitweenError], int] = MappingProxyType(
    {
        InvalidValue: 400,
        UnknownUpload: 404,
        UploadFailed: 409,
        ConfirmationNeeded: 409,
        NoRoom: 507,
    }
)


def share(
    bitween: Bitween, uploads: Uploads, upload: Upload, access: ShareAccess | None = None
) -> Deferred[Uploaded]:
    """
    Hash and share a complete upload, even if the client goes away before the answer.

    :param upload: all of its files have been sent.
    :param access: who may see and fetch it; ``None`` for the default.
    :returns: fires with the id of the job that hashes it, and with its final path.
    :raises UploadFailed: if it cannot be moved to its place; it is removed then.
    """

    def kept(path: str) -> Uploaded:
        job = bitween.sharing.add_path(path, FileOrigin.UPLOADED, access=access)
        return {"job": job.id, "path": path}

    # A client that goes away cancels this Deferred, which does not cancel the other.
    answer: Deferred[Uploaded] = Deferred()
    upload.keep(bitween.sharing.names_in(uploads.folder)).addCallback(kept).addBoth(answer.callback)
    return answer


def check_content(name: str) -> None:
    """
    Check that a file is content, and not a .torrent file that only describes content.

    :param name: the name of the file.
    :raises ConfirmationNeeded: if it is a .torrent file.
    """
    if name.endswith(SUFFIX):
        raise ConfirmationNeeded.of("confirmation_needed.torrent_upload", name=visible_path(name))


class UploadResource(Resource):
    """
    Takes files: a single one, or those of an upload that ``upload.begin`` began.

    A body is never kept in memory; only the disk limits its length.
    """

    isLeaf = True

    def __init__(self, bitween: Bitween, uploads: Uploads) -> None:
        super().__init__()
        self._bitween = bitween
        self._uploads = uploads

    def body_receiver(
        self, request: BoundedRequest, length: int | None
    ) -> _Receiving | ErrorPage | None:
        """Start to write a body, if it is an upload; see :class:`.request.RequestSite`."""
        if request.method != b"PUT" or not request.path.startswith(_PREFIX):
            return None
        if request.caller.access is not TokenAccess.FULL:
            return ErrorPage(403, "this token is for looking only: use another one")
        for name in ("content-encoding", "content-range"):  # for this one RFC 9110 §14.4 says 400
            if request.requestHeaders.hasHeader(name):
                return ErrorPage(400, f"send the whole file as it is, without {name}")
        try:
            return self._begin(request, length)
        except BitweenError as error:
            return _error_page(error)

    def _begin(self, request: BoundedRequest, length: int | None) -> _Receiving:
        parts = read_path(request.path[len(_PREFIX) :].decode("ascii"))
        upload_id = _upload_id(request)
        if upload_id is None:
            check_content(parts[-1])
        self._uploads.check_room(length or 0)
        if upload_id is not None:
            upload = self._uploads.get(upload_id)
            return _Receiving(request, upload, parts if upload.is_folder else (), alone=False)
        if len(parts) > 1:
            raise InvalidValue.of("invalid_value.file_alone")
        upload = self._uploads.begin(parts[0], length, is_folder=False)
        return _Receiving(request, upload, (), alone=True)

    def render(self, request: BoundedRequest) -> bytes | int:
        """Answer when the body is on the disk."""
        receiving = request.receiver
        if not isinstance(receiving, _Receiving):
            return ErrorPage(405, "PUT a file to /upload/NAME", allow="PUT").render(request)
        receiving.answer(Deferred.fromCoroutine(self._ended(request, receiving)))
        return NOT_DONE_YET

    async def _ended(self, request: Request, receiving: _Receiving) -> bytes:
        await receiving.upload.end_file()
        if not receiving.alone:
            request.setResponseCode(204)
            return b""
        shared = await share(self._bitween, self._uploads, receiving.upload)
        request.setResponseCode(201)
        request.setHeader(b"content-type", b"application/json")
        return encode(shared).encode("ascii") + b"\n"


@implementer(IPushProducer)
class _Receiving:
    """
    Writes the body of one request to the disk.

    :ivar alone: whether the upload consists of this file.
    """

    _log = Logger()

    def __init__(
        self, request: BoundedRequest, upload: Upload, parts: tuple[str, ...], *, alone: bool
    ) -> None:
        """:raises UploadFailed: if the upload does not accept the file."""
        self.upload = upload
        self.alone = alone
        self._request = request
        self._gone = self._complete = False
        upload.begin_file(parts, self, self._failed)
        request.notifyFinish().addErrback(self._client_gone)

    def take(self, data: bytes) -> None:
        """Write the next bytes."""
        self.upload.write(data)

    def answer(self, answering: Deferred[bytes]) -> None:
        """Answer with the result, once it is there."""
        self._complete = True
        self._request.channel.resume_reading()
        answering.addCallback(self._send).addErrback(self._answer_error)
        answering.addErrback(lambda failure: self._log.failure("answering an upload", failure))

    def pauseProducing(self) -> None:
        """Pause the client, because the disk does not keep up."""
        if not self._gone and not self._complete:
            self._request.channel.pause_reading()

    def resumeProducing(self) -> None:
        """Read on."""
        if not self._gone and not self._complete:
            self._request.channel.resume_reading()

    def stopProducing(self) -> None:
        """Do nothing: the upload reports its end by itself."""

    def _send(self, body: bytes) -> None:
        if not self._gone:
            if body:
                self._request.setHeader(b"content-length", b"%d" % len(body))
            self._request.write(body)
            self._request.finish()

    def _answer_error(self, failure: Failure) -> None:
        failure.trap(BitweenError)
        error = cast("BitweenError", failure.value)
        self._send(_error_page(error).render(self._request))

    def _failed(self, error: BitweenError) -> None:
        if not self._gone and not self._complete:
            self._request.reject_body(_error_page(error))

    def _client_gone(self, _: Failure) -> None:
        self._gone = True
        if not self._complete:
            self.upload.cancel(UploadFailed.of("upload_failed.connection"))


def _upload_id(request: Request) -> str | None:
    # Twisted reads the query only after the body.
    given = parse_qs(request.uri.partition(b"?")[2]).get(b"upload", [])
    return given[0].decode("ascii", "replace") if given else None


def _error_page(error: BitweenError) -> ErrorPage:
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    return ErrorPage(status, printable(str(error), 1000))

"""
JSON-RPC 2.0 over HTTP: a txjsonrpc resource that keeps to the specification.

A call goes through these steps:

1. :mod:`.message` decodes the body and reads the request objects, one or a batch.
2. The resource looks the method up in its namespaces, by the prefix before the dot.
3. It checks that the caller may call the method (:func:`.namespace.reads`,
   :func:`.namespace.by_token`).
4. :mod:`.params` checks the parameters against the method's annotations.
5. The method runs.  It returns a value, a Deferred or a coroutine.  That is cancelled when the
   client goes away.
6. The result is encoded; :class:`JsonArray` and :class:`JsonObject` in slices.  A
   :class:`BitweenError` becomes an error object (:mod:`bitween.api.results.faults`); any other
   exception is logged, and becomes an internal error.

Of txjsonrpc only the look-up of methods is used: the rest of it does not keep to the specification,
as in its ids and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    gatherResults,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from txjsonrpc_ng.jsonrpclib import NoSuchFunction
from txjsonrpc_ng.web.jsonrpc import JSONRPC

from bitween.api.http.access import Caller, TokenAccess
from bitween.api.http.body_writer import ChunkWriter
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.json_stream import JsonArray, JsonObject
from bitween.api.http.request import BoundedRequest
from bitween.api.results.faults import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    error_object,
    protocol_error,
)
from bitween.api.rpc.message import (
    CHUNK,
    Body,
    Call,
    InvalidRequest,
    decode,
    dump,
    encode_in_steps,
    error_body,
    failed_body,
    joined,
    read_call,
)
from bitween.api.rpc.namespace import Namespace, is_reading, needs_token
from bitween.api.rpc.params import Signature
from bitween.errors import BitweenError, ReadOnly, TokenNeeded
from bitween.util.cooperate import run_in_slices

#: The most calls in one batch.
MAX_BATCH = 100

_CONTENT_TYPE = b"application/json"
# OpenRPC's own (OpenRPC 1.3.2, Service Discovery Method).
_DISCOVER = "rpc.discover"


@dataclass(frozen=True, slots=True)
class _Method:
    """A method, as its first call found it."""

    function: Callable[..., object]
    signature: Signature


class JsonRpcResource(Namespace, JSONRPC):
    """Answers ``POST`` with JSON-RPC 2.0; the namespaces hold the methods."""

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        namespaces: Mapping[str, Namespace],
        reactor: IReactorTime,
        call_began: Callable[[str], Callable[[object], object]] = lambda _: lambda result: result,
    ) -> None:
        """
        :param namespaces: by prefix.
        :param reactor: gets its turns while a large answer is encoded.
        :param call_began: called with the name of the method at each call; returns a function that
            is called with the outcome, and returns it.
        """
        super().__init__()
        self._reactor = reactor
        self._call_began = call_began
        self._methods: dict[str, _Method] = {}
        for prefix, namespace in namespaces.items():
            self.putSubHandler(prefix, namespace)

    def render(self, request: BoundedRequest) -> bytes | int:
        """Answer one HTTP request."""
        if request.method != b"POST":
            return ErrorPage(405, "use POST", allow="POST").render(request)
        if not _is_json(request):
            return ErrorPage(415, "the content type must be application/json").render(request)
        request.setHeader(b"content-type", _CONTENT_TYPE)
        assert request.content is not None
        answering = self._answer(request.content.read(), request.caller)
        if answering.called and not answering.paused and isinstance(answering.result, tuple):
            body = _with_status(request, answering.result)
            if sum(map(len, body)) <= CHUNK:
                return b"".join(body)
        self._answer_later(request, answering)
        return NOT_DONE_YET

    def _answer_later(self, request: Request, answering: Deferred[Body]) -> None:
        client_gone = False

        def cancel(_: Failure) -> None:
            nonlocal client_gone
            client_gone = True
            answering.cancel()

        def send(body: Body) -> None:
            if not client_gone:
                request.setHeader(b"content-length", b"%d" % sum(map(len, body)))
                ChunkWriter(request, _with_status(request, body)).begin()

        def failed(failure: Failure) -> None:
            self._log.failure("answering a JSON-RPC request failed", failure)
            if not client_gone:
                request.processingFailed(failure)

        request.notifyFinish().addErrback(cancel)
        answering.addCallback(send).addErrback(failed)

    def _answer(self, body: bytes, caller: Caller) -> Deferred[Body]:
        """The response body, empty if there is nothing to answer; never fails."""
        try:
            document = decode(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return succeed(error_body(protocol_error(PARSE_ERROR), None))
        if not isinstance(document, list):
            return self._answer_one(document, caller)
        if not 0 < len(document) <= MAX_BATCH:
            return succeed(error_body(protocol_error(INVALID_REQUEST), None))
        answering = gatherResults([self._answer_one(entry, caller) for entry in document])
        return answering.addCallback(joined)

    def _answer_one(self, document: object, caller: Caller) -> Deferred[Body]:
        try:
            call = read_call(document)
        except InvalidRequest as error:
            return succeed(error_body(protocol_error(INVALID_REQUEST), error.call_id))
        method = self._find(call.method)
        if method is None:
            return succeed(failed_body(call, protocol_error(METHOD_NOT_FOUND)))
        call_ended = self._call_began(call.method)
        running: Deferred[object] = maybeDeferred(_run, method, call, caller).addBoth(call_ended)
        return running.addCallback(lambda result: self._succeeded(call, result)).addErrback(
            lambda failure: self._failed(call, failure)
        )

    def _find(self, name: str) -> _Method | None:
        if name.startswith("rpc.") and name != _DISCOVER:  # reserved (JSON-RPC 2.0 §4)
            return None
        if name not in self._methods:
            try:
                function = self._getFunction(name)
            except NoSuchFunction:
                return None
            self._methods[name] = _Method(function, Signature.of(function))
        return self._methods[name]

    def _succeeded(self, call: Call, result: object) -> Body | Deferred[Body]:
        # A notification's result is encoded, too: a value that cannot be is a fault to log.
        answer = {"jsonrpc": "2.0", "result": result, "id": call.call_id}
        if isinstance(result, JsonArray | JsonObject):
            return Deferred.fromCoroutine(self._encoded_in_slices(call, JsonObject(answer.items())))
        encoded = dump(answer)
        return encoded if call.expects_answer else ()

    async def _encoded_in_slices(self, call: Call, answer: JsonObject) -> Body:
        chunks: list[bytes] = []
        await run_in_slices(self._reactor, encode_in_steps(answer, chunks))
        return tuple(chunks) if call.expects_answer else ()

    def _failed(self, call: Call, failure: Failure) -> Body:
        if isinstance(failure.value, BitweenError):
            return failed_body(call, error_object(failure.value))
        if not failure.check(CancelledError):  # the client is gone
            self._log.failure("the JSON-RPC method {method} failed", failure, method=call.method)
        return failed_body(call, protocol_error(INTERNAL_ERROR))


def _run(method: _Method, call: Call, caller: Caller) -> object:
    if caller.access is not TokenAccess.FULL and not is_reading(method.function):
        raise ReadOnly.of("read_only.method")
    if caller.token is None and needs_token(method.function):
        raise TokenNeeded.of("token_needed.method")
    return method.function(**method.signature.bind(call.params))


def _is_json(request: Request) -> bool:
    content_type = request.getHeader(b"content-type") or b""
    encoded = request.getHeader(b"content-encoding") is not None
    return content_type.split(b";")[0].strip().lower() == _CONTENT_TYPE and not encoded


def _with_status(request: Request, body: Body) -> Body:
    """Set the status of an answer without a body, which is 204 in place of 200."""
    if not body:
        request.setResponseCode(204)
        request.responseHeaders.removeHeader(b"content-type")
        request.responseHeaders.removeHeader(b"content-length")
    return body

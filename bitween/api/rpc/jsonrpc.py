"""JSON-RPC 2.0 over HTTP: a txjsonrpc resource that keeps to the specification."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

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
from txjsonrpc_ng.jsonrpc import BaseSubhandler
from txjsonrpc_ng.jsonrpclib import NoSuchFunction
from txjsonrpc_ng.web.jsonrpc import JSONRPC

from bitween.api.http.access import Access, Caller
from bitween.api.http.body_writer import ChunkWriter
from bitween.api.http.json_stream import JsonArray, JsonObject, encode, pieces
from bitween.api.http.request import BoundedRequest
from bitween.api.results.faults import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    error_object,
    protocol_error,
)
from bitween.api.rpc.params import Signature
from bitween.errors import BitweenError, ReadOnly, TokenNeeded
from bitween.util.cooperate import in_slices

#: The most calls in one batch.
MAX_BATCH = 100

# Characters; a little more than what is written to a connection at once.
_CHUNK = 2**16
_CONTENT_TYPE = b"application/json"
# OpenRPC's own (OpenRPC 1.3.2, Service Discovery Method).
_DISCOVER = "rpc.discover"
# What marks a method that those may call who may only look.
_READS = "reads"
# What marks a method that only those may call who show a token with the call.
_PROVEN = "proven"

Method = TypeVar("Method", bound=Callable[..., object])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode

#: The chunks of a response body; none if there is nothing to say.
Body = tuple[bytes, ...]


def reads(method: Method) -> Method:
    """Let those call a method who may only look: it tells no secret, and changes nothing."""
    setattr(method, _READS, True)
    return method


def by_token(method: Method) -> Method:
    """Have a method called with a token only: it gives access that outlives a log-in."""
    setattr(method, _PROVEN, True)
    return method


def is_reading(method: Callable[..., object]) -> bool:
    """Whether those may call a method who may only look."""
    return getattr(method, _READS, False)


class Namespace(BaseSubhandler):
    """The methods of one prefix: each is called ``jsonrpc_`` and its name."""

    def _getFunction(self, path: str) -> Callable[..., object]:
        if path.startswith("_"):
            raise NoSuchFunction(METHOD_NOT_FOUND, "")  # txjsonrpc's own __dir__ among them
        function: Callable[..., object] = super()._getFunction(path)
        return function


@dataclass(frozen=True, slots=True)
class _Call:
    """
    One request object (JSON-RPC 2.0 §4).

    :param expects_answer: false for a notification, which has no id, not even ``null``.
    """

    method: str
    params: Sequence[object] | Mapping[str, object]
    call_id: object
    expects_answer: bool


@dataclass(frozen=True, slots=True)
class _Method:
    """A method that can be called, as it was found at its first call."""

    function: Callable[..., object]
    signature: Signature


class _NoCall(Exception):  # it says what the document is, and never leaves the module
    """The document is not a request object; :ivar call_id: its id, where that could be read."""

    def __init__(self, call_id: object = None) -> None:
        super().__init__()
        self.call_id = call_id


class JsonRpcResource(Namespace, JSONRPC):
    """
    Answers ``POST`` with JSON-RPC 2.0; the namespaces hold the methods.

    A method may return a value, a Deferred or a coroutine, which is cancelled when the client goes
    away.  What it raises of :class:`BitweenError` reaches the client; anything else is logged.
    A value of :class:`JsonArray` or :class:`JsonObject` is encoded in slices.
    """

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        namespaces: Mapping[str, Namespace],
        reactor: IReactorTime,
        began: Callable[[str], Callable[[object], object]] = lambda _method: lambda result: result,
    ) -> None:
        """
        :param reactor: has its turns while a large answer is made.
        :param began: called with the method at each call; gives what hands on its outcome.
        """
        super().__init__()
        self._reactor = reactor
        self._began = began
        self._methods: dict[str, _Method] = {}
        for prefix, namespace in namespaces.items():
            self.putSubHandler(prefix, namespace)

    def render(self, request: BoundedRequest) -> bytes | int:
        """Answer one HTTP request."""
        if request.method != b"POST":
            request.setHeader(b"allow", b"POST")
            return _refusal(request, 405, b"use POST\n")
        if not _is_json(request):
            return _refusal(request, 415, b"the content type must be application/json\n")
        request.setHeader(b"content-type", _CONTENT_TYPE)
        assert request.content is not None
        answering = self._answer(request.content.read(), request.caller)
        if answering.called and not answering.paused and isinstance(answering.result, tuple):
            body = _with_status(request, answering.result)
            if sum(map(len, body)) <= _CHUNK:
                return b"".join(body)
        self._answer_later(request, answering)
        return NOT_DONE_YET

    def _answer_later(self, request: Request, answering: Deferred[Body]) -> None:
        client_gone = False

        def gone(_: Failure) -> None:
            nonlocal client_gone
            client_gone = True
            answering.cancel()

        def answered(body: Body) -> None:
            if not client_gone:
                request.setHeader(b"content-length", b"%d" % sum(map(len, body)))
                ChunkWriter(request, _with_status(request, body)).begin()

        def failed(failure: Failure) -> None:
            self._log.failure("answering a JSON-RPC request", failure)
            if not client_gone:
                request.processingFailed(failure)

        request.notifyFinish().addErrback(gone)
        answering.addCallback(answered).addErrback(failed)

    def _answer(self, body: bytes, caller: Caller) -> Deferred[Body]:
        """The response body, empty if there is nothing to say; never fails."""
        try:
            document = _decode(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return succeed(_error(protocol_error(PARSE_ERROR), None))
        if not isinstance(document, list):
            return self._answer_one(document, caller)
        if not 0 < len(document) <= MAX_BATCH:
            return succeed(_error(protocol_error(INVALID_REQUEST), None))
        answering = gatherResults([self._answer_one(entry, caller) for entry in document])
        return answering.addCallback(_joined)

    def _answer_one(self, document: object, caller: Caller) -> Deferred[Body]:
        try:
            call = _read_call(document)
        except _NoCall as error:
            return succeed(_error(protocol_error(INVALID_REQUEST), error.call_id))
        method = self._find(call.method)
        if method is None:
            return succeed(_failed(call, protocol_error(METHOD_NOT_FOUND)))
        ended = self._began(call.method)
        running: Deferred[object] = maybeDeferred(_run, method, call, caller).addBoth(ended)
        return running.addCallback(lambda result: self._succeeded(call, result)).addErrback(
            lambda failure: self._call_failed(call, failure)
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

    def _succeeded(self, call: _Call, result: object) -> Body | Deferred[Body]:
        # Also where nobody waits for the answer: what cannot be encoded is a fault to be logged.
        answer = {"jsonrpc": "2.0", "result": result, "id": call.call_id}
        if isinstance(result, JsonArray | JsonObject):
            return Deferred.fromCoroutine(self._in_chunks(call, JsonObject(answer.items())))
        encoded = _dump(answer)
        return encoded if call.expects_answer else ()

    async def _in_chunks(self, call: _Call, answer: JsonObject) -> Body:
        chunks: list[bytes] = []
        await in_slices(self._reactor, _chunked(pieces(answer), chunks))
        return tuple(chunks) if call.expects_answer else ()

    def _call_failed(self, call: _Call, failure: Failure) -> Body:
        if isinstance(failure.value, BitweenError):
            return _failed(call, error_object(failure.value))
        if not failure.check(CancelledError):  # which is what a client that goes away brings about
            self._log.failure("the JSON-RPC method {method} failed", failure, method=call.method)
        return _failed(call, protocol_error(INTERNAL_ERROR))


def _run(method: _Method, call: _Call, caller: Caller) -> object:
    if caller.access is not Access.FULL and not is_reading(method.function):
        raise ReadOnly("this token is for looking only", "use another one for this method")
    if caller.token is None and getattr(method.function, _PROVEN, False):
        raise TokenNeeded(
            "this method needs a token, and a log-in does not stand in for one",
            "show the token with the call, or use the command line",
        )
    return method.function(**method.signature.bind(call.params))


def _is_json(request: Request) -> bool:
    content_type = request.getHeader(b"content-type") or b""
    encoded = request.getHeader(b"content-encoding") is not None
    return content_type.split(b";")[0].strip().lower() == _CONTENT_TYPE and not encoded


def _refusal(request: Request, status: int, text: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return text


def _with_status(request: Request, body: Body) -> Body:
    if not body:
        request.setResponseCode(204)
        request.responseHeaders.removeHeader(b"content-type")
        request.responseHeaders.removeHeader(b"content-length")
    return body


def _read_call(document: object) -> _Call:
    if not isinstance(document, dict):
        raise _NoCall
    call_id = document.get("id")
    if isinstance(call_id, bool) or not isinstance(call_id, str | int | float | None):
        raise _NoCall
    method, params = document.get("method"), document.get("params", [])
    if not isinstance(method, str) or not isinstance(params, list | dict):
        raise _NoCall(call_id)
    if document.get("jsonrpc") != "2.0":
        raise _NoCall(call_id)
    return _Call(method, params, call_id, "id" in document)


def _failed(call: _Call, error: Mapping[str, object]) -> Body:
    return _error(error, call.call_id) if call.expects_answer else ()


def _error(error: Mapping[str, object], call_id: object) -> Body:
    return _dump({"jsonrpc": "2.0", "error": error, "id": call_id})


def _joined(answers: list[Body]) -> Body:
    spoken = [answer for answer in answers if answer]
    if not spoken:
        return ()
    first, *others = spoken
    return (b"[", *first, *(chunk for body in others for chunk in (b",", *body)), b"]")


def _dump(document: Mapping[str, Any]) -> Body:
    return (encode(document).encode("ascii"),)


def _chunked(pieces: Iterable[str], chunks: list[bytes]) -> Iterator[None]:
    """Put pieces together to chunks of some length, one piece a step."""
    text = io.StringIO()
    for piece in pieces:
        if text.write(piece) and text.tell() >= _CHUNK:
            chunks.append(text.getvalue().encode("ascii"))
            text = io.StringIO()
        yield
    chunks.append(text.getvalue().encode("ascii"))

"""JSON-RPC 2.0 messages: reads request objects, and encodes response objects in chunks."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from bitween.api.http.json_stream import encode, json_parts

# Characters of a chunk; a little more than what a connection's buffer takes at once.
CHUNK = 2**16

#: The chunks of a response body; none if there is nothing to answer.
Body = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """
    One request object (JSON-RPC 2.0 §4).

    :param expects_answer: false for a notification, which has no id, not even ``null``.
    """

    method: str
    params: Sequence[object] | Mapping[str, object]
    call_id: object
    expects_answer: bool


class InvalidRequest(Exception):
    """The document is not a request object; :ivar call_id: its id, if that is readable."""

    def __init__(self, call_id: object = None) -> None:
        super().__init__()
        self.call_id = call_id


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


#: Decodes JSON, without the ``NaN`` and ``Infinity`` that Python adds to it; raises ValueError, or
#: RecursionError for a document that is nested too deeply.
decode = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite).decode


def read_call(document: object) -> Call:
    """
    Read a request object.

    :param document: any value that was decoded from JSON.
    :raises InvalidRequest: if it is not one.
    """
    if not isinstance(document, dict):
        raise InvalidRequest
    call_id = document.get("id")
    if isinstance(call_id, bool) or not isinstance(call_id, str | int | float | None):
        raise InvalidRequest
    method, params = document.get("method"), document.get("params", [])
    if not isinstance(method, str) or not isinstance(params, list | dict):
        raise InvalidRequest(call_id)
    if document.get("jsonrpc") != "2.0":
        raise InvalidRequest(call_id)
    return Call(method, params, call_id, "id" in document)


def error_body(error: Mapping[str, object], call_id: object) -> Body:
    """
    A response object with an error (JSON-RPC 2.0 §5.1).

    :param error: an error object; see :mod:`bitween.api.results.faults`.
    :param call_id: the id of the call; ``None`` if it is not known.
    """
    return dump({"jsonrpc": "2.0", "error": error, "id": call_id})


def failed_body(call: Call, error: Mapping[str, object]) -> Body:
    """
    The answer to a call that failed; empty for a notification.

    :param error: an error object; see :mod:`bitween.api.results.faults`.
    """
    return error_body(error, call.call_id) if call.expects_answer else ()


def dump(document: Mapping[str, Any]) -> Body:
    """
    Encode a document as one chunk.

    :param document: a JSON object.
    """
    return (encode(document).encode("ascii"),)


def joined(answers: list[Body]) -> Body:
    """
    The answer to a batch; empty if all of its answers are.

    :param answers: one body for each call, empty for a notification.
    """
    present = [answer for answer in answers if answer]
    if not present:
        return ()
    first, *others = present
    return (b"[", *first, *(chunk for body in others for chunk in (b",", *body)), b"]")


def encode_in_steps(document: object, chunks: list[bytes]) -> Generator[None]:
    """
    Encode a document, one part a step.

    :param document: see :func:`bitween.api.http.json_stream.json_parts`.
    :param chunks: gets the chunks of the encoded document.
    """
    text = io.StringIO()
    for part in json_parts(document):
        if text.write(part) and text.tell() >= CHUNK:
            chunks.append(text.getvalue().encode("ascii"))
            text = io.StringIO()
        yield
    chunks.append(text.getvalue().encode("ascii"))

"""
The answers of the child processes that work on the user's disk: lines of JSON.

A child writes them with :func:`write_answer`, and its errors as :func:`failure`; the daemon reads
such an error with :func:`read_error`.  No Twisted is imported here, so that a child starts quickly.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from bitween import errors
from bitween.errors import BitweenError


def write_answer(message: Mapping[str, object]) -> None:
    """
    Write an answer to standard output.

    :param message: a JSON object, which becomes one line.
    """
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def failure(error: BitweenError) -> dict[str, object]:
    """
    The answer that an error is.

    ``{"failed": {"kind": ..., "message": ..., "hint": ..., "id": ..., "values": ...}}``
    """
    kind = type(error).__name__
    said = {"message": error.message, "hint": error.hint}
    return {"failed": {"kind": kind, **said, "id": error.id, "values": dict(error.values)}}


def read_error(failed: Mapping[str, Any], default: type[BitweenError]) -> BitweenError:
    """
    Read an error.

    :param failed: the value of ``"failed"``, with the keys that :func:`failure` gives it.
    :param default: the class of an error whose kind is unknown.
    """
    kind = getattr(errors, failed["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, BitweenError)):
        kind = default
    error = kind(failed["message"], failed["hint"])
    error.id, error.values = failed["id"], failed["values"]
    return error

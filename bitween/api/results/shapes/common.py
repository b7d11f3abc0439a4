"""What results of several namespaces share: types of values, and the shapes of errors."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

Size = Annotated[int, "bytes"]
Rate = Annotated[int, "bytes/s"]
Limit = Annotated[int, "bytes/s, 0 for no limit"]
Time = Annotated[float, "seconds since the epoch, UTC"]
Seconds = Annotated[float, "seconds"]
BareJid = Annotated[str, "a bare JID"]
Address = Annotated[tuple[str, int], "address and port"]
Note = Annotated[str, "what its owner says about it, in one line; may be empty"]
Tags = Annotated[list[str], "tags by which a search for tag:NAME finds it"]
#: The result of a method that has nothing to tell: a failure would be an error.
Done = Literal[True]


class _Reason(TypedDict):
    """The keys that the data of every error has."""

    reason: Annotated[str, "the kind of error, one word"]
    hint: str


class ErrorData(_Reason, total=False):
    """What is wrong, for programs, and what a user can do about it."""

    id: Annotated[str, "which error it is, if more than the text says it"]
    detail: Annotated[str, "the end of the id, one word"]
    values: Annotated[dict[str, str | float], "the variable parts of message and hint, by name"]


class Error(TypedDict, total=False):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: ErrorData

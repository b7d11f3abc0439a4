"""Types of values that results of several namespaces have, and the shape of errors."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

Size = Annotated[int, "bytes"]
Rate = Annotated[int, "bytes/s"]
Limit = Annotated[int, "bytes/s, 0 for no limit"]
Time = Annotated[float, "seconds since the epoch, UTC"]
Seconds = Annotated[float, "seconds"]
BareJid = Annotated[str, "a bare JID"]
Address = Annotated[tuple[str, int], "address and port"]
#: What cannot be done is an error.
Done = Literal[True]


class _Reason(TypedDict):
    """What every error of ours has."""

    reason: Annotated[str, "one word a kind of error"]
    hint: str


class ErrorData(_Reason, total=False):
    """What a program and what a person can do about an error."""

    detail: Annotated[str, "one word for what exactly it is, where the reason leaves that open"]
    values: Annotated[dict[str, str], "what the message tells beside that, by name"]


class Error(TypedDict, total=False):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: ErrorData

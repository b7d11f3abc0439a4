"""Results of ``token.`` and ``session.``: who may use the API."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Time


class Token(TypedDict):
    """What a program shows to use the API, without the secret itself."""

    name: str
    read_only: Annotated[bool, "whether it is for looking only"]
    created: Annotated[float | None, "seconds since the epoch; null for the first"]


class NewToken(Token):
    """A token that was made."""

    token: Annotated[str, "the secret, which is told only here"]


class Tokens(TypedDict):
    """All tokens."""

    tokens: Annotated[list[Token], "the one of the token file first"]


class Session(TypedDict):
    """A browser that is logged in."""

    session: Annotated[str, "its id, which is no secret"]
    access: Annotated[str, "full or read_only"]
    browser: Annotated[str, "what it says that it is"]
    remembered: Annotated[bool, "whether it stays logged in when the daemon is restarted"]
    created: Time
    used: Annotated[float, "time of its last request"]
    expires: Annotated[float, "time at which it ends if no further request comes"]


class Sessions(TypedDict):
    """All browsers that are logged in."""

    sessions: Annotated[list[Session], "the one that asked last first"]

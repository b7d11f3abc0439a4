"""Results of ``token.`` and ``session.``: who may use the API."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Time


class Token(TypedDict):
    """A token, without its secret."""

    name: str
    read_only: Annotated[bool, "whether it allows only reading"]
    created: Annotated[
        float | None, "seconds since the epoch; null for the token of the token file"
    ]


class NewToken(Token):
    """A token that was just made, with its secret."""

    token: Annotated[str, "the secret; no other method returns it"]


class Tokens(TypedDict):
    """All tokens."""

    tokens: Annotated[list[Token], "the one of the token file first"]


class Session(TypedDict):
    """A browser that is logged in."""

    session: Annotated[str, "its id, which is not secret"]
    access: Annotated[str, "full or read_only"]
    browser: Annotated[str, "what the browser calls itself"]
    remembered: Annotated[bool, "whether it stays logged in when the daemon restarts"]
    created: Time
    used: Annotated[float, "when its last request came"]
    expires: Annotated[float, "when it ends if no further request comes"]


class Sessions(TypedDict):
    """All browsers that are logged in."""

    sessions: Annotated[list[Session], "the most recently used first"]

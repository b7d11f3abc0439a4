"""How a browser logs in and out: ``/login`` and ``/logout``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urljoin

from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api import cookie
from bitween.api.failed_log_ins import FailedLogIns
from bitween.api.refusal import Refusal
from bitween.api.sessions import LINK_LIFE, Sessions
from bitween.api.tokens import Tokens
from bitween.errors import ConfigurationError

#: Where :class:`LogIn` is.
LOG_IN = "login"


class LogIn(Resource):
    """
    Turns a token into a session.

    ``POST`` takes the token itself, ``GET`` the code of a link that somebody made who has one.
    """

    isLeaf = True

    def __init__(
        self, tokens: Tokens, sessions: Sessions, failures: FailedLogIns, page: str
    ) -> None:
        """:param page: the path to which a link leads in the end."""
        super().__init__()
        self._tokens = tokens
        self._sessions = sessions
        self._failures = failures
        self._page = page

    def render(self, request: Request) -> bytes:
        """Log in."""
        # The code is in the address, which no other page needs to know.
        request.setHeader(b"referrer-policy", b"no-referrer")
        if request.method == b"POST":
            return self._by_token(request)
        if request.method == b"GET":
            return self._by_code(request)
        return Refusal(405, "use POST, or GET with a code", allow="GET, POST").render(request)

    def _by_token(self, request: Request) -> bytes:
        token = _token_in(request)
        if token is None:
            return Refusal(400, 'send {"token": "..."} as application/json').render(request)
        caller = self._tokens.caller(token)
        if caller is None:
            return self._failures.refuse(request, "this is no token of ours").render(request)
        cookie.give(request, self._sessions.begin(caller.access))
        request.setResponseCode(204)
        return b""

    def _by_code(self, request: Request) -> bytes:
        codes: list[bytes] = (request.args or {}).get(b"code", [])
        session = self._sessions.redeem(codes[0]) if len(codes) == 1 else None
        if session is None:
            text = "this link does not serve any more: bitween open makes another"
            return self._failures.refuse(request, text).render(request)
        cookie.give(request, session)
        request.setResponseCode(303)
        request.setHeader(b"location", self._page.encode("ascii"))
        request.setHeader(b"content-length", b"0")
        return b""


class LogOut(Resource):
    """Ends the session of whoever asks."""

    isLeaf = True

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self._sessions = sessions

    def render(self, request: Request) -> bytes:
        """Log out."""
        if request.method != b"POST":
            return Refusal(405, "use POST", allow="POST").render(request)
        self._sessions.end(cookie.read(request) or b"")
        cookie.take_away(request)
        request.setResponseCode(204)
        return b""


class LogInLinks:
    """Makes links that log a browser in, once."""

    def __init__(
        self,
        sessions: Sessions,
        where: Callable[[], str | None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """:param where: tells the URL of the API."""
        self._sessions = sessions
        self._where = where
        self._now = now

    def make(self) -> tuple[str, float]:
        """
        A link, and until when it serves, in seconds since the epoch.

        :raises ConfigurationError: if no browser can open it.
        """
        url = self._where()
        if url is None or not url.startswith(("http:", "https:")):
            raise ConfigurationError(
                "a browser cannot open the Unix socket at which the API is",
                "have it listen at a port with --api",
            )
        link = urljoin(url, f"/{LOG_IN}?code={self._sessions.make_code()}")
        return link, self._now() + LINK_LIFE


def _token_in(request: Request) -> bytes | None:
    content_type: bytes = request.getHeader(b"content-type") or b""
    if content_type.split(b";")[0].strip().lower() != b"application/json":
        return None
    assert request.content is not None
    try:
        document = json.loads(request.content.read())
    except (ValueError, RecursionError):
        return None
    token = document.get("token") if isinstance(document, dict) else None
    return token.encode("utf-8", "replace") if isinstance(token, str) else None

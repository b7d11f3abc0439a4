"""``/login`` and ``/logout``: how browsers log in and out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urljoin

from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.http.error_page import ErrorPage
from bitween.api.http.failed_log_ins import FailedLogIns
from bitween.api.http.json_stream import encode
from bitween.api.http.local_user import may_be_ours
from bitween.api.http.request import BoundedRequest
from bitween.api.http.sessions import LINK_LIFE, BrowserSessions
from bitween.api.http.tokens import TokenStore
from bitween.errors import ConfigurationError
from bitween.model.text import printable

#: The path of :class:`LogInResource`.
LOG_IN = "login"
# Characters of a browser's User-Agent.
_MAX_BROWSER = 200
_USAGE = 'send {"token": "...", "remember": false} or {"code": "..."} as application/json'


class LogInResource(Resource):
    """Starts a session for a token, or for the code of a log-in link."""

    isLeaf = True

    def __init__(
        self, tokens: TokenStore, sessions: BrowserSessions, failures: FailedLogIns
    ) -> None:
        super().__init__()
        self._tokens = tokens
        self._sessions = sessions
        self._failures = failures

    def render(self, request: Request) -> bytes:
        """Log in."""
        if request.method != b"POST":
            return ErrorPage(405, "use POST", allow="POST").render(request)
        asked = _document(request)
        token, code = asked.get("token"), asked.get("code")
        remembered = asked.get("remember", False)
        if isinstance(code, str) and token is None:
            secret = self._by_code(request, code)
            failure = "this link has expired: bitween open makes another"
        elif isinstance(token, str) and code is None and isinstance(remembered, bool):
            secret = self._by_token(request, token, remembered)
            failure = "this token is not valid"
        else:
            return ErrorPage(400, _USAGE).render(request)
        if secret is None:
            return self._failures.answer(request, failure).render(request)
        session = self._sessions.find(secret.encode("ascii"))
        request.setHeader(b"content-type", b"application/json")
        answer = {"session": secret, "remembered": session is not None and session.remembered}
        return encode(answer).encode("ascii")

    def _by_token(self, request: Request, token: str, remembered: bool) -> str | None:
        caller = self._tokens.caller(token.encode("utf-8", "replace"))
        if caller is None:
            return None
        begin = self._sessions.begin
        return begin(caller.access, remembered=remembered, browser=_browser(request))

    def _by_code(self, request: Request, code: str) -> str | None:
        given = code.encode("utf-8", "replace")
        # Other users of this machine can read the link on the command line that starts the browser.
        if not self._sessions.has_code(given) or not may_be_ours(request):
            return None
        return self._sessions.redeem(given, _browser(request))


class LogOutResource(Resource):
    """Ends the session that sends the request."""

    isLeaf = True

    def __init__(self, sessions: BrowserSessions, ended: Callable[[str], object]) -> None:
        """:param ended: called with the id of a session that ended."""
        super().__init__()
        self._sessions = sessions
        self._ended = ended

    def render(self, request: BoundedRequest) -> bytes:
        """Log out."""
        if request.method != b"POST":
            return ErrorPage(405, "use POST", allow="POST").render(request)
        if request.caller.session is not None:
            self._sessions.end(request.caller.session)
            self._ended(request.caller.session)
        request.setResponseCode(204)
        return b""


class LogInLinks:
    """Makes links that log a browser in."""

    def __init__(
        self,
        sessions: BrowserSessions,
        where: Callable[[], str | None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        :param where: returns the URL of the API, or ``None`` before it listens.
        :param now: returns the time, in seconds since the epoch.
        """
        self._sessions = sessions
        self._where = where
        self._now = now

    def make(self, remembered: bool) -> tuple[str, float]:
        """
        Make a link that works once.

        The code follows a ``#``: a browser does not send that part, so that no proxy and no other
        port sees it.

        :param remembered: whether the session outlives the daemon.
        :returns: the link, and when it expires, in seconds since the epoch.
        :raises ConfigurationError: if the API listens at a Unix socket, which no browser can open.
        """
        url = self._where()
        if url is None or not url.startswith(("http:", "https:")):
            raise ConfigurationError(
                "the API listens at a Unix socket, which a browser cannot open",
                "choose a TCP port with --api",
            )
        link = urljoin(url, f"/#{LOG_IN}={self._sessions.make_code(remembered=remembered)}")
        return link, self._now() + LINK_LIFE


def _browser(request: Request) -> str:
    return printable((request.getHeader(b"user-agent") or b"").decode("latin-1"), _MAX_BROWSER)


def _document(request: Request) -> dict[str, object]:
    """The JSON object in a body; an empty one if the body is anything else."""
    content_type: bytes = request.getHeader(b"content-type") or b""
    if content_type.split(b";")[0].strip().lower() != b"application/json":
        return {}
    assert request.content is not None
    try:
        document = json.loads(request.content.read())
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

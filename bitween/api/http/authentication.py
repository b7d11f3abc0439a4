"""
Authentication: finds the caller of a request by its headers, before its body is read.

Any web page that the user visits can send requests to a server on this machine.  So a request
passes three checks, in this order:

1. ``Host`` names us.  A page could otherwise point a name of its own at us (DNS rebinding).
2. ``Origin`` and ``Sec-Fetch-Site``, if present, say that the request comes from our own pages and
   not from a form or script of another site.
3. A secret: a token (:mod:`.tokens`), a browser's session (:mod:`.sessions`), or a ticket for the
   files of one torrent (:mod:`.file_tickets`).  A few paths are public.

The result is a :class:`.access.Caller`, which the resources trust.  Each failed check with a secret
counts as a failed log-in (:mod:`.failed_log_ins`).

Cookies count for nothing.  A browser sends those of a host to every port of it (RFC 6265 §8.5), so
that on a machine with several users each of them can read and replace the others' cookies.  Our
page keeps its secret in the browser's storage, which belongs to an origin; the port is a part of
that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.web.server import Request

from bitween.api.http.access import Caller, TokenAccess
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.failed_log_ins import FailedLogIns, log_in_needed
from bitween.api.http.file_tickets import FileTickets
from bitween.api.http.file_url import ticket_of
from bitween.api.http.sessions import BrowserSessions, looks_like_session
from bitween.api.http.tokens import TokenStore

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_TOKEN_NEEDED = "a token is needed: Authorization: Bearer TOKEN"  # noqa: S105  # that is none


class Authenticator:
    """
    Checks requests by their headers; see the head of this module.
    """

    def __init__(
        self,
        tokens: TokenStore,
        sessions: BrowserSessions,
        tickets: FileTickets,
        failures: FailedLogIns,
        *,
        hosts: Iterable[str],
        public: Iterable[str],
    ) -> None:
        """
        :param failures: counts the failures, here and wherever else a client shows a secret.
        :param hosts: names for ``Host``, such as a proxy's, beside the local machine's and the
            address of the connection.
        :param public: first parts of the paths that need no secret.
        """
        self._tokens = tokens
        self._sessions = sessions
        self._tickets = tickets
        self._failures = failures
        self._hosts = frozenset((*_LOCAL_NAMES, *(host.lower() for host in hosts)))
        self._public = frozenset(part.encode("ascii") for part in public)

    def check(self, request: Request) -> Caller | ErrorPage:
        """
        Find the caller of a request, or the error to answer.

        :param request: its headers and path are known, its body is not.
        """
        return self._wrong_host(request) or self._foreign(request) or self._caller(request)

    def _wrong_host(self, request: Request) -> ErrorPage | None:
        given = _header(request, b"host")
        if len(given) == 1 and given[0] in self._allowed_hosts(request):
            return None
        return ErrorPage(421, "this Host is not allowed; see --api-host")

    def _allowed_hosts(self, request: Request) -> frozenset[str]:
        here = request.getHost()
        address, port = getattr(here, "host", None), getattr(here, "port", None)
        if address is None:  # a Unix socket
            return self._hosts
        # No page can point an address at us, unlike a name: the connection's own address is safe.
        names = self._hosts | {f"[{address}]" if ":" in address else address}
        return names | {f"{name}:{port}" for name in names}

    @staticmethod
    def _foreign(request: Request) -> ErrorPage | None:
        origins = _header(request, b"origin")
        if origins:
            (host,) = _header(request, b"host")
            # https is also right if a proxy in front of us adds TLS.
            schemes = ("https",) if request.isSecure() else ("http", "https")
            if len(origins) != 1 or origins[0] not in {f"{scheme}://{host}" for scheme in schemes}:
                return ErrorPage(403, "this Origin is not allowed")
        if not set(_header(request, b"sec-fetch-site")) <= {"none", "same-origin"}:
            return ErrorPage(403, "no other site may call this")
        return None

    def _caller(self, request: Request) -> Caller | ErrorPage:
        credentials = request.requestHeaders.getRawHeaders(b"authorization", [])
        if any(credentials):
            return self._by_secret(credentials) or self._unknown(request, credentials)
        return self._by_ticket(request) or self._in_public(request) or log_in_needed(_TOKEN_NEEDED)

    def _unknown(self, request: Request, credentials: Sequence[bytes]) -> ErrorPage:
        """The answer to a wrong secret; an ended session is no guess, and does not count as one."""
        if len(credentials) == 1 and looks_like_session(credentials[0].rpartition(b" ")[2]):
            return log_in_needed(_TOKEN_NEEDED)
        return self._failures.answer(request, _TOKEN_NEEDED)

    def _by_secret(self, credentials: Sequence[bytes]) -> Caller | None:
        """The caller who shows a token, or the secret of a session."""
        scheme, _, rest = credentials[0].partition(b" ")
        if len(credentials) > 1 or scheme.lower() != b"bearer":
            return None
        secret = rest.strip()
        session = self._sessions.find(secret)
        return self._tokens.caller(secret) if session is None else session.caller

    def _by_ticket(self, request: Request) -> Caller | None:
        """The caller who shows a ticket for the file in the request's path."""
        asked = ticket_of(request)
        return None if asked is None else self._tickets.holder(*asked)

    def _in_public(self, request: Request) -> Caller | None:
        before, _, path = request.path.partition(b"/")
        public = not before and path.partition(b"/")[0] in self._public
        return Caller(TokenAccess.PUBLIC) if public else None


def _header(request: Request, name: bytes) -> list[str]:
    """Every value of a header in lower case; Twisted's own way fails if it is not UTF-8."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return [value.decode("latin-1").lower() for value in values]

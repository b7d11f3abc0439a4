"""Who may speak to the API: decided from the headers, before anything else is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.web.server import Request

from bitween.api.files.download import ticketed
from bitween.api.files.tickets import FileTickets
from bitween.api.http.access import Access, Caller
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.failed_log_ins import FailedLogIns, log_in_needed
from bitween.api.http.sessions import BrowserSessions, looks_like_session
from bitween.api.http.tokens import TokenStore

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_TOKEN_NEEDED = "a token is needed: Authorization: Bearer TOKEN"  # noqa: S105  # that is none


class Authenticator:
    """
    Judges requests by their headers.

    A web page that somebody looks at in a browser on this machine must not get through: neither by
    a name of its own that it has pointed at us (DNS rebinding: ``Host``), nor by a form or a script
    (``Origin``, ``Sec-Fetch-Site``), nor without a secret.

    Cookies count for nothing.  A browser sends those of a host to every port of it (RFC 6265 §8.5),
    so that on a machine with several users each of them can read and replace the others' cookies.
    What our own page keeps in its storage belongs to its origin, which the port is a part of.
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
        :param failures: are counted here, and where else secrets are taken.
        :param hosts: names under which we are called, beside those of the local machine and the
            address of the connection itself, e.g. those of a proxy in front of us.
        :param public: first parts of the paths that nobody has to log in for.
        """
        self._tokens = tokens
        self._sessions = sessions
        self._tickets = tickets
        self._failures = failures
        self._hosts = frozenset((*_LOCAL_NAMES, *(host.lower() for host in hosts)))
        self._public = frozenset(part.encode("ascii") for part in public)

    def check(self, request: Request) -> Caller | ErrorPage:
        """
        Say who sent a request, or why it is not answered.

        :param request: of which there are the headers and the path.
        """
        return self._wrong_host(request) or self._foreign(request) or self._who(request)

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
        # Nobody can point an address, unlike a name, at us: so the one we were called at will do.
        names = self._hosts | {f"[{address}]" if ":" in address else address}
        return names | {f"{name}:{port}" for name in names}

    @staticmethod
    def _foreign(request: Request) -> ErrorPage | None:
        origins = _header(request, b"origin")
        if origins:
            (host,) = _header(request, b"host")
            # https is right without TLS of ours too, where a proxy in front of us adds it.
            schemes = ("https",) if request.isSecure() else ("http", "https")
            if len(origins) != 1 or origins[0] not in {f"{scheme}://{host}" for scheme in schemes}:
                return ErrorPage(403, "this Origin is not allowed")
        if not set(_header(request, b"sec-fetch-site")) <= {"none", "same-origin"}:
            return ErrorPage(403, "no other site may call this")
        return None

    def _who(self, request: Request) -> Caller | ErrorPage:
        shown = request.requestHeaders.getRawHeaders(b"authorization", [])
        if any(shown):
            return self._by_secret(shown) or self._unknown(request, shown)
        return self._by_ticket(request) or self._in_public(request) or log_in_needed(_TOKEN_NEEDED)

    def _unknown(self, request: Request, shown: Sequence[bytes]) -> ErrorPage:
        """Refuse a secret; a session that has ended is too long to have been guessed."""
        if len(shown) == 1 and looks_like_session(shown[0].rpartition(b" ")[2]):
            return log_in_needed(_TOKEN_NEEDED)
        return self._failures.answer(request, _TOKEN_NEEDED)

    def _by_secret(self, shown: Sequence[bytes]) -> Caller | None:
        """Who shows a token, or the secret of a session."""
        scheme, _, credentials = shown[0].partition(b" ")
        if len(shown) > 1 or scheme.lower() != b"bearer":
            return None
        secret = credentials.strip()
        session = self._sessions.find(secret)
        return self._tokens.caller(secret) if session is None else session.caller

    def _by_ticket(self, request: Request) -> Caller | None:
        """Who was given the ticket for a file that is asked for."""
        asked = ticketed(request)
        return None if asked is None else self._tickets.holder(*asked)

    def _in_public(self, request: Request) -> Caller | None:
        before, _, path = request.path.partition(b"/")
        public = not before and path.partition(b"/")[0] in self._public
        return Caller(Access.PUBLIC) if public else None


def _header(request: Request, name: bytes) -> list[str]:
    """Every value of a header in lower case; Twisted's own way would fail on what is no UTF-8."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return [value.decode("latin-1").lower() for value in values]

"""Who may speak to the API: decided from the headers, before anything else is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.web.server import Request

from bitween.api import cookie
from bitween.api.access import Access, Caller
from bitween.api.failed_log_ins import FailedLogIns, log_in_needed
from bitween.api.refusal import Refusal
from bitween.api.sessions import Sessions
from bitween.api.tokens import Tokens

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_TOKEN_NEEDED = "a token is needed: Authorization: Bearer TOKEN"  # noqa: S105  # that is none


class Gate:
    """
    Judges requests by their headers.

    A web page that somebody looks at in a browser on this machine must not get through: neither by
    a name of its own that it has pointed at us (DNS rebinding: ``Host``), nor by a form or a script
    (``Origin``, ``Sec-Fetch-Site``), nor without a token, nor with the cookie of our own page.
    """

    def __init__(
        self,
        tokens: Tokens,
        sessions: Sessions,
        failures: FailedLogIns,
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
        self._failures = failures
        self._hosts = frozenset((*_LOCAL_NAMES, *(host.lower() for host in hosts)))
        self._public = frozenset(part.encode("ascii") for part in public)

    def judge(self, request: Request) -> Caller | Refusal:
        """
        Say who sent a request, or why it is not answered.

        :param request: of which there are the headers and the path.
        """
        return self._wrong_host(request) or self._foreign(request) or self._who(request)

    def _wrong_host(self, request: Request) -> Refusal | None:
        given = _header(request, b"host")
        if len(given) == 1 and given[0] in self._allowed_hosts(request):
            return None
        return Refusal(421, "this Host is not allowed; see --api-host")

    def _allowed_hosts(self, request: Request) -> frozenset[str]:
        here = request.getHost()
        address, port = getattr(here, "host", None), getattr(here, "port", None)
        if address is None:  # a Unix socket
            return self._hosts
        # Nobody can point an address, unlike a name, at us: so the one we were called at will do.
        names = self._hosts | {f"[{address}]" if ":" in address else address}
        return names | {f"{name}:{port}" for name in names}

    @staticmethod
    def _foreign(request: Request) -> Refusal | None:
        origins = _header(request, b"origin")
        if origins:
            (host,) = _header(request, b"host")
            # https is right without TLS of ours too, where a proxy in front of us adds it.
            schemes = ("https",) if request.isSecure() else ("http", "https")
            if len(origins) != 1 or origins[0] not in {f"{scheme}://{host}" for scheme in schemes}:
                return Refusal(403, "this Origin is not allowed")
        if not set(_header(request, b"sec-fetch-site")) <= {"none", "same-origin"}:
            return Refusal(403, "no other site may call this")
        return None

    def _who(self, request: Request) -> Caller | Refusal:
        shown = request.requestHeaders.getRawHeaders(b"authorization", [])
        if any(shown):
            return self._by_token(shown) or self._failures.refuse(request, _TOKEN_NEEDED)
        return self._by_cookie(request) or self._in_public(request) or log_in_needed(_TOKEN_NEEDED)

    def _by_token(self, shown: Sequence[bytes]) -> Caller | None:
        scheme, _, credentials = shown[0].partition(b" ")
        if len(shown) > 1 or scheme.lower() != b"bearer":
            return None
        return self._tokens.caller(credentials.strip())

    def _by_cookie(self, request: Request) -> Caller | None:
        """
        Who has logged in with a browser.

        The browser sends the cookie with whatever makes it ask: so it has to say that our own page
        did.  What it says of a foreign one has been refused already.
        """
        session = cookie.read(request)
        ours = _header(request, b"origin") or "same-origin" in _header(request, b"sec-fetch-site")
        access = self._sessions.access(session) if session and ours else None
        return None if access is None else Caller(access)

    def _in_public(self, request: Request) -> Caller | None:
        before, _, path = request.path.partition(b"/")
        public = not before and path.partition(b"/")[0] in self._public
        return Caller(Access.PUBLIC) if public else None


def _header(request: Request, name: bytes) -> list[str]:
    """Every value of a header in lower case; Twisted's own way would fail on what is no UTF-8."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return [value.decode("latin-1").lower() for value in values]

"""Who may speak to the API: decided from the headers, before anything else is looked at."""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

#: Failed log-ins that an address may make at once; one more is allowed every second.
BURST = 20
#: Addresses whose failures are remembered.
_MAX_ADDRESSES = 1000

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Refusal(Resource):
    """Answers every request with one status and one line of text."""

    isLeaf = True

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__()
        self._status = status
        self._text = f"{text}\n".encode()
        self._headers = headers

    def render(self, request: Request) -> bytes:
        """Refuse."""
        request.setResponseCode(self._status)
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        for name, value in self._headers.items():
            request.setHeader(name.replace("_", "-"), value)
        return b"" if request.method == b"HEAD" else self._text


class Gate(Resource):
    """
    Stands before all other resources.

    A web page that somebody looks at in a browser on this machine must not get through: neither by
    a name of its own that it has pointed at us (DNS rebinding: ``Host``), nor by a form or a script
    (``Origin``, ``Sec-Fetch-Site``), nor without the token.
    """

    def __init__(
        self, inside: IResource, token: str, hosts: Iterable[str], clock: IReactorTime
    ) -> None:
        """
        :param hosts: names under which we are called, beside those of the local machine and the
            address of the connection itself, e.g. those of a proxy in front of us.
        """
        super().__init__()
        self._inside = inside
        self._token = token.encode("ascii")
        self._hosts = frozenset((*_LOCAL_NAMES, *(host.lower() for host in hosts)))
        self._failures = _Failures(clock)

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """The resource itself, or a refusal in its place."""
        refusal = self._wrong_host(request) or self._foreign(request) or self._stranger(request)
        return refusal or self._inside.getChildWithDefault(path, request)

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

    def _stranger(self, request: Request) -> Refusal | None:
        scheme, _, credentials = (request.getHeader(b"authorization") or b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(credentials.strip(), self._token):
            return None
        if scheme:
            address = getattr(request.getClientAddress(), "host", "")
            wait = self._failures.count(address)
            if wait > 0:
                return Refusal(429, "too many failed log-ins", retry_after=str(math.ceil(wait)))
        return Refusal(
            401,
            "a token is needed: Authorization: Bearer TOKEN",
            www_authenticate='Bearer realm="bitween"',
        )


def _header(request: Request, name: bytes) -> list[str]:
    """Every value of a header in lower case; Twisted's own way would fail on what is no UTF-8."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return [value.decode("latin-1").lower() for value in values]


class _Failures:
    """Counts failed log-ins by address, as buckets that leak one a second."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._empty_at: dict[str, float] = {}

    def count(self, address: str) -> float:
        """
        Note one more failure.

        :returns: seconds until that many are forgiven that the next one is within bounds again.
        """
        now = self._clock.seconds()
        empty_at = max(now, self._empty_at.pop(address, now)) + 1
        # A bucket that is over twice as full tells nothing more.
        self._empty_at[address] = min(empty_at, now + 2 * BURST)
        if len(self._empty_at) > _MAX_ADDRESSES:
            del self._empty_at[next(iter(self._empty_at))]
        return empty_at - now - BURST

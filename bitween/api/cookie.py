"""The cookie by which a browser is known that has logged in."""

from __future__ import annotations

from twisted.web.server import Request


def read(request: Request) -> bytes | None:
    """The session that a request says it belongs to."""
    session: bytes | None = request.received_cookies.get(_name(request))
    return session


def give(request: Request, session: str) -> None:
    """Have the browser send a session with every request, until it is closed."""
    _set(request, session, None)


def take_away(request: Request) -> None:
    """Have the browser forget its session."""
    _set(request, "", 0)


def _set(request: Request, session: str, max_age: int | None) -> None:
    origin = request.getHeader(b"origin") or b""
    request.addCookie(
        _name(request),
        session,
        path="/",
        max_age=None if max_age is None else str(max_age),
        # A proxy in front of us may be what adds TLS.
        secure=request.isSecure() or origin.startswith(b"https:"),
        httpOnly=True,
        sameSite="strict",
    )


def _name(request: Request) -> bytes:
    # Cookies go to every port of a host (RFC 6265 §8.5): two daemons must not share one.
    port: int | None = getattr(request.getHost(), "port", None)
    return b"bitween" if port is None else b"bitween-%d" % port

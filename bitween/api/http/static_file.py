"""Serves files of the package, with headers that restrict what a browser does with them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from functools import cached_property
from importlib.resources.abc import Traversable
from ipaddress import ip_address
from typing import Self

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.http import NOT_MODIFIED
from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.http.error_page import ErrorPage

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # No inline scripts or styles, nothing from other sites, no frames; text never becomes HTML.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            *(f"{what}-src 'self'" for what in ("script", "style", "img", "media", "connect")),
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    # Keeps windows and pages of other origins, such as other ports of this machine, away.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
# A browser asks each time whether the file has changed; never, if its URL changes with it.
_REVALIDATED, _KEPT = "no-cache", "max-age=31536000, immutable"


class StaticFile(Resource):
    """A file that is the same for all clients, compressed for those that accept it."""

    def __init__(self, name: str, content: bytes, *, lasting: bool = False) -> None:
        """
        :param name: its extension decides the content type.
        :param lasting: whether the URL changes with the content, so that browsers can keep it.
        """
        super().__init__()
        self._content = content
        self._content_type = _TYPES[f".{name.rpartition('.')[2]}"]
        self._caching = _KEPT if lasting else _REVALIDATED

    @classmethod
    def of(cls, file: Traversable) -> Self:
        """Serve a file of the package."""
        return cls(file.name, file.read_bytes())

    def render(self, request: Request) -> bytes:
        """Send it, unless the client has it already."""
        if request.method not in {b"GET", b"HEAD"}:
            return ErrorPage(405, "use GET", allow="GET, HEAD").render(request)
        better = _unambiguous(request) if self._content_type == _TYPES[".html"] else None
        if better is not None:
            request.redirect(better.encode("latin-1"))
            return b""
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        request.setHeader("Cache-Control", self._caching)
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        content, tag = self._content, self._tag
        if self._compressed and _takes_gzip(request):
            request.setHeader("Content-Encoding", "gzip")
            content, tag = self._compressed, f"{tag}-gzip"
        request.setHeader("ETag", f'"{tag}"')
        if tag in _known_tags(request):
            request.setResponseCode(NOT_MODIFIED)
            return b""
        return content

    @cached_property
    def _tag(self) -> str:
        return content_hash([self._content])

    @cached_property
    def _compressed(self) -> bytes:
        """Empty where it would not be smaller."""
        compressed = gzip.compress(self._content, mtime=0)
        return compressed if len(compressed) < len(self._content) else b""


def _unambiguous(request: Request) -> str | None:
    """
    The URL by address of a page that was requested at ``localhost``.

    A browser resolves that name to [::1] and to 127.0.0.1, which are one origin then.  Another user
    of this machine, who listens at the other address, could read the log-in that the browser keeps.
    With TLS, that user has no certificate.
    """
    here = request.getHost()
    name, _, _ = (request.getHeader("Host") or "").lower().partition(":")
    if name != "localhost" or request.isSecure():
        return None
    if not isinstance(here, IPv4Address | IPv6Address) or not ip_address(here.host).is_loopback:
        return None  # such as behind a container's proxy, which may listen at another address
    address = f"[{here.host}]" if ":" in here.host else here.host
    return f"http://{address}:{here.port}{request.uri.decode('latin-1')}"


def content_hash(contents: Iterable[bytes]) -> str:
    """
    A name for content, which differs for different content.

    :param contents: the parts of the content, in order.
    :returns: 20 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for content in contents:
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()[:20]


def _takes_gzip(request: Request) -> bool:
    """RFC 9110 §12.5.3, without the wildcard: a client that sends only that gets no gzip."""
    for coding in (request.getHeader("Accept-Encoding") or "").split(","):
        name, _, weight = coding.replace(" ", "").lower().partition(";")
        if name in {"gzip", "x-gzip"}:
            return weight.rstrip("0") not in {"q=", "q=0."}
    return False


def _known_tags(request: Request) -> set[str]:
    """The tags of what the client has (RFC 9110 §13.1.2); a proxy may have made them weak."""
    given = (request.getHeader("If-None-Match") or "").split(",")
    return {tag.strip().removeprefix("W/").strip('"') for tag in given}

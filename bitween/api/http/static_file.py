"""A file of ours over HTTP, with what keeps a browser from doing anything else with it."""

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
    # No inline script or style, nothing from elsewhere, in no frame; text never becomes HTML.
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
    # Windows and pages of other origins, such as other ports of this machine, have no hold on it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
# A browser asks each time whether it has changed; or, where the URL changes with it, never.
_REVALIDATED, _KEPT = "no-cache", "max-age=31536000, immutable"


class StaticFile(Resource):
    """A file that is the same for everybody, compressed for who takes that."""

    def __init__(self, name: str, content: bytes, *, lasting: bool = False) -> None:
        """
        :param name: ends as one of its type does.
        :param lasting: whether its URL names its content, so that it never has to be asked for
            again.
        """
        super().__init__()
        self._content = content
        self._content_type = _TYPES[f".{name.rpartition('.')[2]}"]
        self._caching = _KEPT if lasting else _REVALIDATED

    @classmethod
    def of(cls, file: Traversable) -> Self:
        """Serve a file as it lies in the package."""
        return cls(file.name, file.read_bytes())

    def render(self, request: Request) -> bytes:
        """Give it, unless the client has it."""
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
    Where else a page is to be looked at, if it was asked for at ``localhost``.

    A browser goes from there to [::1] as well as to 127.0.0.1, and takes both for one origin:
    another user of this machine, who listens at the other one, could read the log-in that the
    browser keeps.  With TLS they have no certificate.
    """
    here = request.getHost()
    name, _, _ = (request.getHeader("Host") or "").lower().partition(":")
    if name != "localhost" or request.isSecure():
        return None
    if not isinstance(here, IPv4Address | IPv6Address) or not ip_address(here.host).is_loopback:
        return None  # what is in between, such as a container's proxy, may be at no address of ours
    address = f"[{here.host}]" if ":" in here.host else here.host
    return f"http://{address}:{here.port}{request.uri.decode('latin-1')}"


def content_hash(contents: Iterable[bytes]) -> str:
    """Name some content, such that other content has another name."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()[:20]


def _takes_gzip(request: Request) -> bool:
    """RFC 9110 §12.5.3, but for the wildcard: who sends only that gets the file as it is."""
    for coding in (request.getHeader("Accept-Encoding") or "").split(","):
        name, _, weight = coding.replace(" ", "").lower().partition(";")
        if name in {"gzip", "x-gzip"}:
            return weight.rstrip("0") not in {"q=", "q=0."}
    return False


def _known_tags(request: Request) -> set[str]:
    """What the client has already (RFC 9110 §13.1.2); a proxy may have weakened the tags."""
    given = (request.getHeader("If-None-Match") or "").split(",")
    return {tag.strip().removeprefix("W/").strip('"') for tag in given}

"""A file of ours over HTTP, with what keeps a browser from doing anything else with it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Self

from twisted.web.http import NOT_MODIFIED
from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.refusal import Refusal

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
            return Refusal(405, "use GET", allow="GET, HEAD").render(request)
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

"""A file of ours over HTTP, with what keeps a browser from doing anything else with it."""

from __future__ import annotations

from importlib.resources.abc import Traversable

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
    "Referrer-Policy": "no-referrer",
}


class StaticFile(Resource):
    """One file, as it lies in the package."""

    def __init__(self, file: Traversable) -> None:
        """:param file: whose name ends as one of its type does."""
        super().__init__()
        self._content = file.read_bytes()
        self._content_type = _TYPES[f".{file.name.rpartition('.')[2]}"]

    def render(self, request: Request) -> bytes:
        """Give it."""
        if request.method not in {b"GET", b"HEAD"}:
            return Refusal(405, "use GET", allow="GET, HEAD").render(request)
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        return self._content

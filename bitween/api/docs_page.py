"""``/docs``: the API in a browser, with a form to try each method."""

from __future__ import annotations

from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.util import Redirect

from bitween.api.refusal import Refusal

#: First part of the path of everything here.  None of it holds a secret.
DOCS = "docs"

_SCRIPT, _STYLE = "docs.js", "docs.css"
_HEADERS = {
    # No inline script or style, nothing from elsewhere, in no frame; text never becomes HTML.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            *(f"{what}-src 'self'" for what in ("script", "style", "img", "connect")),
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "Referrer-Policy": "no-referrer",
}


class StaticFile(Resource):
    """One file of ours, as it lies in the package."""

    def __init__(self, name: str, content_type: str) -> None:
        super().__init__()
        self._content = (files(__package__) / "static" / name).read_bytes()
        self._content_type = content_type

    def render(self, request: Request) -> bytes:
        """Give it."""
        if request.method not in {b"GET", b"HEAD"}:
            return Refusal(405, "use GET", allow="GET, HEAD").render(request)
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        return self._content


def docs_page() -> Resource:
    """The page, with its script and its style below it."""
    page = StaticFile("docs.html", "text/html")
    page.putChild(b"", Redirect(f"../{DOCS}".encode()))
    page.putChild(_SCRIPT.encode(), StaticFile(_SCRIPT, "text/javascript"))
    page.putChild(_STYLE.encode(), StaticFile(_STYLE, "text/css"))
    return page

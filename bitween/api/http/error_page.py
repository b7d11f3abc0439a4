"""Error answers: a status and a line of text."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import Request


class ErrorPage(Resource):
    """Answers every request with one status and one line of text."""

    isLeaf = True

    def __init__(self, status: int, text: str, **headers: str) -> None:
        """:param headers: further headers, each name with ``_`` in place of ``-``."""
        super().__init__()
        self._status = status
        self._text = f"{text}\n".encode()
        self._headers = headers

    def render(self, request: Request) -> bytes:
        """Set status and headers, and return the text."""
        request.setResponseCode(self._status)
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        for name, value in self._headers.items():
            request.setHeader(name.replace("_", "-"), value)
        return b"" if request.method == b"HEAD" else self._text

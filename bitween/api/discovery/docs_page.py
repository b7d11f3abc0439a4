"""``/docs``: the API in a browser, with a form to try each method."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from twisted.web.resource import Resource
from twisted.web.util import Redirect

from bitween.api.http.static_file import StaticFile

#: First part of the path of everything here.  None of it holds a secret.
DOCS = "docs"
#: The script of it that knows the log-in of a browser, and which the page at ``/`` uses, too.
SESSION_SCRIPT = "session.js"


def docs_page() -> Resource:
    """The page, with its script and its style below it."""
    page = StaticFile.of(docs_file("docs.html"))
    page.putChild(b"", Redirect(f"../{DOCS}".encode()))
    for name in ("docs.js", "docs.css", SESSION_SCRIPT):
        page.putChild(name.encode(), StaticFile.of(docs_file(name)))
    return page


def docs_file(name: str) -> Traversable:
    """A file of the page, as it lies in the package."""
    return files(__package__) / "static" / name

"""``/docs``: the API in a browser, with a form to try each method."""

from __future__ import annotations

from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.util import Redirect

from bitween.api.static_file import StaticFile

#: First part of the path of everything here.  None of it holds a secret.
DOCS = "docs"


def docs_page() -> Resource:
    """The page, with its script and its style below it."""
    static = files(__package__) / "static"
    page = StaticFile(static / "docs.html")
    page.putChild(b"", Redirect(f"../{DOCS}".encode()))
    for name in ("docs.js", "docs.css", "session.js"):
        page.putChild(name.encode(), StaticFile(static / name))
    return page

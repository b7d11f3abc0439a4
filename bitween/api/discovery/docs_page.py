"""``/docs``: the documentation of the API, with a form to try each method."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from twisted.web.resource import Resource
from twisted.web.util import Redirect

from bitween.api.http.static_file import StaticFile

#: First part of the paths of the page's files.  None of them holds a secret.
DOCS = "docs"
#: The script that keeps the browser's log-in; the page at ``/`` uses it, too.
SESSION_SCRIPT = "session.js"


def docs_page() -> Resource:
    """The page, with its scripts and its style below it."""
    page = StaticFile.of(docs_file("docs.html"))
    page.putChild(b"", Redirect(f"../{DOCS}".encode()))
    for name in ("docs.js", "docs.css", SESSION_SCRIPT):
        page.putChild(name.encode(), StaticFile.of(docs_file(name)))
    return page


def docs_file(name: str) -> Traversable:
    """
    A source file of the page in the package.

    :param name: the name of the file, such as ``docs.html``.
    """
    return files(__package__) / "static" / name

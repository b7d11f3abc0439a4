"""
``/``: the web page, and its scripts and styles.

These files are served at ``/web/VERSION/NAME``, where the version is a hash of all of them.
Browsers cache them for good, and request only the page itself again, which contains the version.
The sources name each other as ``"/web/NAME"``; these names are rewritten.  What the daemon says in
a language (:mod:`bitween.messages`) is the script ``messages_LANGUAGE.js``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.discovery.docs_page import DOCS, SESSION_SCRIPT, docs_file
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.static_file import StaticFile, content_hash
from bitween.messages import catalogue

_PAGE = "page.html"
#: First part of the paths of the files.
_FILES = "web"
# A place in the page for links to all scripts, so that a browser does not have to find the imports
# one after the other.
_PRELOADS = b"<!-- preloads -->"


class _Folder(Resource):
    """Contains files; there is nothing at its own path."""

    def render(self, request: Request) -> bytes:
        """Answer with 404."""
        return ErrorPage(404, "there is nothing here").render(request)


def web_pages() -> Mapping[str, Resource]:
    """
    Make the page and its files, none of which holds a secret.

    :returns: resources by the first part of their paths.
    """
    sources = {file.name: file.read_bytes() for file in (files(__package__) / "static").iterdir()}
    sources[SESSION_SCRIPT] = docs_file(SESSION_SCRIPT).read_bytes()
    for language in catalogue.LANGUAGES:
        sources[f"messages_{language}.js"] = _module(catalogue.source(language))
    version = content_hash(
        part for name in sorted(sources) for part in (name.encode(), sources[name])
    )
    page = _rewritten(sources.pop(_PAGE), version).replace(_PRELOADS, _preloads(sources, version))
    folder, lasting = _Folder(), _Folder()
    for name, source in sources.items():
        content = _rewritten(source, version)
        lasting.putChild(name.encode("ascii"), StaticFile(name, content, lasting=True))
    folder.putChild(version.encode("ascii"), lasting)
    return {"": StaticFile(_PAGE, page), _FILES: folder}


def _module(json: bytes) -> bytes:
    """A script that exports JSON: not every browser can import JSON itself."""
    return b"export default " + json.rstrip() + b";\n"


def _rewritten(source: bytes, version: str) -> bytes:
    """Replace the names of other files by their lasting URLs."""
    shared = f'"/{DOCS}/{SESSION_SCRIPT}"'.encode()
    source = source.replace(shared, f'"/{_FILES}/{SESSION_SCRIPT}"'.encode())
    return source.replace(f'"/{_FILES}/'.encode(), f'"/{_FILES}/{version}/'.encode())


def _preloads(names: Mapping[str, bytes], version: str) -> bytes:
    scripts = sorted(name for name in names if name.endswith(".js"))
    links = [f'<link rel="modulepreload" href="/{_FILES}/{version}/{name}">' for name in scripts]
    return "\n".join(links).encode("ascii")

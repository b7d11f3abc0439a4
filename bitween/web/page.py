"""
``/``: the page, and the files that it is made of.

The files lie at ``/web/VERSION/NAME``, where the version is a hash of all of them: browsers keep
them for good, and ask only for the page itself again, which names the version.  To that end the
``"/web/NAME"`` by which the sources name each other are rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.discovery.docs_page import DOCS, SESSION_SCRIPT, docs_file
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.static_file import StaticFile, content_hash

_PAGE = "page.html"
#: First part of the paths of the page's files.
_FILES = "web"
# In the page: where it names what its main script imports, so that a browser need not find out one
# after the other.
_PRELOADS = b"<!-- preloads -->"


class _Folder(Resource):
    """Holds files, and is nothing to look at by itself."""

    def render(self, request: Request) -> bytes:
        """Say so."""
        return ErrorPage(404, "there is nothing here").render(request)


def web_pages() -> Mapping[str, Resource]:
    """
    The page and its files, none of which holds a secret.

    :returns: resources by the first part of their paths.
    """
    sources = {file.name: file.read_bytes() for file in (files(__package__) / "static").iterdir()}
    sources[SESSION_SCRIPT] = docs_file(SESSION_SCRIPT).read_bytes()
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


def _rewritten(source: bytes, version: str) -> bytes:
    """Have a file name the others by their lasting URLs."""
    shared = f'"/{DOCS}/{SESSION_SCRIPT}"'.encode()
    source = source.replace(shared, f'"/{_FILES}/{SESSION_SCRIPT}"'.encode())
    return source.replace(f'"/{_FILES}/'.encode(), f'"/{_FILES}/{version}/'.encode())


def _preloads(names: Mapping[str, bytes], version: str) -> bytes:
    scripts = sorted(name for name in names if name.endswith(".js"))
    links = [f'<link rel="modulepreload" href="/{_FILES}/{version}/{name}">' for name in scripts]
    return "\n".join(links).encode("ascii")

"""``/``: the page, and the files that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.refusal import Refusal
from bitween.api.static_file import StaticFile

_PAGE = "page.html"
#: First part of the paths of the page's files.
_FILES = "web"


class _Folder(Resource):
    """Holds files, and is nothing to look at by itself."""

    def render(self, request: Request) -> bytes:
        """Say so."""
        return Refusal(404, "there is nothing here").render(request)


def web_pages() -> Mapping[str, Resource]:
    """
    The page and its files, none of which holds a secret.

    :returns: resources by the first part of their paths.
    """
    static = files(__package__) / "static"
    folder = _Folder()
    for file in static.iterdir():
        if file.name != _PAGE:
            folder.putChild(file.name.encode("ascii"), StaticFile(file))
    return {"": StaticFile(static / _PAGE), _FILES: folder}

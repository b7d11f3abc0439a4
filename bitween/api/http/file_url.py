"""The URLs of files, ``/files/HASH/INDEX``, and the tickets in their queries."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.web.http import parse_qs
from twisted.web.server import Request

from bitween.errors import InvalidValue
from bitween.model.torrent import InfoHash, parse_info_hash

#: First part of the path.
FILES = "files"
#: The parameter of the query, and the last part of the path at which a ticket is issued.
TICKET = b"ticket"

_PREFIX = f"/{FILES}/".encode()


def parse_file(path: Sequence[bytes]) -> tuple[InfoHash, int]:
    """
    Read which file a path names.

    :param path: the parts after ``/files/``.
    :returns: the torrent, and the index of the file, counted from 0.
    :raises InvalidValue: if the path does not name a file.
    """
    if len(path) != 2 or not path[1].isdigit() or len(path[1]) > 9:
        raise InvalidValue("there is nothing here", "a file is at /files/HASH/INDEX")
    return parse_torrent(path), int(path[1])


def parse_torrent(path: Sequence[bytes]) -> InfoHash:
    """
    Read which torrent a path names.

    :param path: the parts after ``/files/``, at least one.
    :raises InvalidValue: if the path does not begin with an info-hash.
    """
    return parse_info_hash(path[0].decode("ascii", "replace"))


def ticket_of(request: Request) -> tuple[bytes, InfoHash] | None:
    """
    The ticket in the URL of a request for a file, and the torrent of the file.

    :param request: its headers and path are known, its body is not.
    """
    shown: list[bytes] = parse_qs(request.uri.partition(b"?")[2]).get(TICKET, [])
    if request.method not in {b"GET", b"HEAD"} or len(shown) != 1:
        return None
    if not request.path.startswith(_PREFIX):
        return None
    try:
        info_hash, _ = parse_file(request.path[len(_PREFIX) :].split(b"/"))
    except InvalidValue:
        return None
    return shown[0], info_hash

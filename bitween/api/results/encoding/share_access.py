"""Who may have a share, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from bitween.api.results.shapes import share_access as shapes
from bitween.app.access import VisibleShare
from bitween.app.access_requests import AccessRequest
from bitween.model.torrent import Torrent


def access(torrent: Torrent) -> shapes.Access:
    """``access.get`` and ``access.set``."""
    access = torrent.options.access
    return {
        "hash": torrent.info_hash,
        "access": list(access.audiences),
        "expires": access.expires,
        "listed": access.listed,
        "introductions": access.introductions,
    }


def request(request: AccessRequest) -> shapes.Request:
    """One of ``access.requests``."""
    return {
        "id": request.id,
        "jid": request.jid,
        "hash": request.info_hash,
        "name": request.name,
        "size": request.size,
        "time": request.time,
    }


def visible(shares: Iterable[VisibleShare]) -> shapes.VisibleShares:
    """``access.of``."""
    return {"shares": [_visible(share) for share in shares]}


def _visible(share: VisibleShare) -> shapes.VisibleShare:
    decision = share.fetch or share.see
    return {
        "hash": share.torrent.info_hash,
        "name": share.torrent.name,
        "size": share.torrent.progress.total,
        "why": decision.reason.value,
        "who": decision.audience,
        "locked": not share.fetch,
    }

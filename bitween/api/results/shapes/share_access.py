"""Results of ``access.``: who may have a share."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import BareJid, Size, Time
from bitween.model.access import AccessReason
from bitween.model.torrent import InfoHash

Who = Annotated[str, "contacts, devices, a bare JID, or group:NAME"]
End = Annotated[float | None, "seconds since the epoch, UTC; null if it does not end"]


class Access(TypedDict):
    """Who may see and fetch a share."""

    hash: Annotated[InfoHash, "it is another one than before if a contact has lost access"]
    access: list[Who]
    expires: End
    listed: Annotated[bool, "whether other contacts see the name and the size, with a lock"]
    introductions: Annotated[
        bool, "whether contacts that fetch it at the same time learn each other's addresses"
    ]


class VisibleShare(TypedDict):
    """A share of yours, as a contact sees it."""

    hash: InfoHash
    name: str
    size: Size
    why: Annotated[str, AccessReason]
    who: Annotated[str | None, "the entry of the share's access that contains the contact"]
    locked: Annotated[bool, "whether the contact sees it but may not fetch it"]


class VisibleShares(TypedDict):
    """What a contact sees of your shares."""

    shares: list[VisibleShare]


class Request(TypedDict):
    """A contact asks for a share that it sees with a lock."""

    id: Annotated[str, "for access.grant and access.deny"]
    jid: BareJid
    hash: InfoHash
    name: str
    size: Size
    time: Time


class Requests(TypedDict):
    """Requests that wait for your answer."""

    requests: list[Request]

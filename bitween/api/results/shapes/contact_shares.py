"""Results of ``xmpp.``: what contacts share."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Address, BareJid, Note, Size, Tags
from bitween.api.results.shapes.network import REACH
from bitween.model.torrent import InfoHash


class Share(TypedDict):
    """A torrent that a device shares."""

    hash: InfoHash
    name: str
    size: Size
    note: Note
    tags: Tags


class Listing(TypedDict):
    """What a device shares, and the addresses to dial."""

    ip_v4: list[Address]
    ip_v6: list[Address]
    online: bool
    shares: Annotated[dict[str, Share], "by info-hash"]


class Shares(TypedDict):
    """What every device of every contact shares."""

    shares: Annotated[dict[str, dict[str, Listing]], "by bare JID and resource"]


class Hashes(TypedDict):
    """The addresses to dial for what online contacts share."""

    hashes: Annotated[dict[str, list[Address]], "by info-hash, the best to dial first"]


class Claim(TypedDict):
    """A name and size of a torrent, and the contacts who announce it so."""

    name: str
    size: Size
    contacts: Annotated[
        list[BareJid], "who announces it so; empty if only the local copy has this name and size"
    ]


class Found(TypedDict):
    """A torrent that contacts share."""

    hash: InfoHash
    name: Annotated[str, "from the local copy; otherwise from most contacts"]
    size: Size
    note: Note
    tags: Tags
    locked: Annotated[bool, "whether you see the name and the size, but may not fetch it"]
    contacts: list[BareJid]
    names: Annotated[
        list[Claim],
        "who announces which name and size, the shown ones first; empty if all agree",
    ]
    online: Annotated[bool, "whether one of the contacts is online now"]
    answering: Annotated[
        bool | None,
        "true if a device that has it answered the last connection attempt, false if each one that "
        "is online was tried and none answered; otherwise null",
    ]
    reach: Annotated[str | None, f"{REACH}, or if no contact who has it is online"]
    reach_text: Annotated[str | None, "the same as text"]


class FoundPage(TypedDict):
    """A page of search results."""

    total: Annotated[int, "how many results there are on all pages"]
    items: list[Found]

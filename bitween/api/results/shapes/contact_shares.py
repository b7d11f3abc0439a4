"""Results of ``xmpp.``: what contacts share."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Address, BareJid, Size
from bitween.api.results.shapes.network import REACH
from bitween.model.torrent import InfoHash


class Share(TypedDict):
    """Something that a device shares."""

    hash: InfoHash
    name: str
    size: Size


class Listing(TypedDict):
    """What a device shares, and where it can be dialled."""

    ip_v4: list[Address]
    ip_v6: list[Address]
    online: bool
    shares: Annotated[dict[str, Share], "by info-hash"]


class Shares(TypedDict):
    """What every device of every contact shares."""

    shares: Annotated[dict[str, dict[str, Listing]], "by bare JID and resource"]


class Hashes(TypedDict):
    """Where to dial for what is shared by contacts who are online."""

    hashes: Annotated[dict[str, list[Address]], "by info-hash, the best to dial first"]


class Claim(TypedDict):
    """What is said of something that contacts share, and by whom."""

    name: str
    size: Size
    contacts: Annotated[list[BareJid], "who says so; none where only the copy here tells it"]


class Found(TypedDict):
    """Something that contacts share."""

    hash: InfoHash
    name: Annotated[str, "as the copy here has it, else as most contacts say"]
    size: Size
    contacts: list[BareJid]
    names: Annotated[
        list[Claim],
        "who says which name and size, the shown one first; empty where all say the same",
    ]
    online: Annotated[bool, "whether one of them is there now"]
    answering: Annotated[
        bool | None,
        "false if each of their devices that is online was asked and none answers, true if one "
        "answers; else null",
    ]
    reach: Annotated[str | None, f"{REACH}, and while nobody who has it is online"]
    reach_text: Annotated[str | None, "the same in words"]


class FoundPage(TypedDict):
    """A page of what was found."""

    total: Annotated[int, "on all pages"]
    items: list[Found]

"""Results of ``xmpp.``: contacts and their devices."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import BareJid, Error
from bitween.api.results.shapes.network import Way
from bitween.model.contact import Pending, Subscription


class Resource(TypedDict):
    """A device of a contact."""

    resource: str
    bitween: Annotated[bool, "whether it has announced anything"]
    shares: Annotated[int, "how many"]
    size: Annotated[int, "bytes of all of them together"]
    online: bool
    answering: Annotated[
        bool | None,
        "whether it answered when something was wanted of it last; null while it was not asked",
    ]
    way: Annotated[Way | None, "how it is reached; null while it is not there"]


class Contact(TypedDict):
    """Somebody in the roster, or who asks to be."""

    jid: BareJid
    nick: str | None
    subscription: Annotated[str, Subscription]
    pending: Annotated[str | None, Pending]
    groups: list[str]
    blocked: Annotated[bool, "whether the server keeps them away from us, by JID or by domain"]
    service: Annotated[bool, "whether this is no person but a gateway or another service"]
    online: Annotated[bool, "whether they are there; nobody is while we are not connected"]
    error: Annotated[Error | None, "what their server answered when we asked them"]
    resources: list[Resource]
    downloaded: Annotated[int, "bytes got from them, over all times"]
    uploaded: Annotated[int, "bytes given to them, over all times"]


class Contacts(TypedDict):
    """Everybody in the roster, and those who ask to be."""

    contacts: list[Contact]


class Invitation(TypedDict):
    """What to give to somebody who is to become a contact."""

    uri: Annotated[str, "an xmpp: link"]
    qr: Annotated[list[str], "the same as a QR code: a text a row, 1 for dark and 0 for light"]


class Blocked(TypedDict):
    """Whom the server keeps away from us."""

    blocked: Annotated[list[str], "bare JIDs and domains"]

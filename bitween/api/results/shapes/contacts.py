"""Results of ``xmpp.``: contacts and their devices."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import BareJid, Error
from bitween.api.results.shapes.network import Way
from bitween.model.contact import Pending, Subscription


class Resource(TypedDict):
    """A device of a contact."""

    resource: str
    bitween: Annotated[bool, "whether it runs bitween, and has announced its shares"]
    shares: Annotated[int, "how many torrents it shares"]
    size: Annotated[int, "bytes of all of them together"]
    online: bool
    answering: Annotated[
        bool | None,
        "whether it answered the last connection attempt; null if there was none",
    ]
    way: Annotated[Way | None, "the route to it; null while it is offline"]


class Contact(TypedDict):
    """A contact in the roster, or a contact request."""

    jid: BareJid
    nick: str | None
    subscription: Annotated[str, Subscription]
    pending: Annotated[str | None, Pending]
    groups: list[str]
    blocked: Annotated[bool, "whether your server blocks them, by JID or domain"]
    service: Annotated[bool, "whether this is a gateway or another service instead of a person"]
    online: Annotated[bool, "always false while the daemon is not connected"]
    error: Annotated[
        Error | None, "the answer of their server to our contact request, if it was an error"
    ]
    resources: list[Resource]
    downloaded: Annotated[int, "bytes received from them, in total"]
    uploaded: Annotated[int, "bytes sent to them, in total"]


class Contacts(TypedDict):
    """The contacts in the roster, and contact requests."""

    contacts: list[Contact]


class Invitation(TypedDict):
    """A link that invites someone to become a contact."""

    uri: Annotated[str, "an xmpp: link"]
    qr: Annotated[list[str], "the link as a QR code: one text per row, 1 for dark and 0 for light"]


class Blocked(TypedDict):
    """Everyone that your server blocks for you."""

    blocked: Annotated[list[str], "bare JIDs and domains"]

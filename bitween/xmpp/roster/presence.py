"""How we show ourselves: as a guest on an account whose owner chats with other programs."""

from __future__ import annotations

from typing import Any

from twisted.words.xish import domish

from bitween.xmpp.extensions.caps import caps_element

_STATUS = "bitween: shares files, does not chat"


def available(priority: int, to: str = "") -> Any:
    """
    Make the presence that says that we are there, and what we can do (XEP-0115).

    :param priority: -128 to -1.
    :param to: the bare JID of one contact; empty for everybody who follows us.
    """
    presence = domish.Element((None, "presence"))
    if to:
        presence["to"] = to
    # Contacts see the account as the most available of its devices, and we are there at night.
    presence.addElement("show", content="xa")
    presence.addElement("status", content=_STATUS)
    presence.addElement("priority", content=str(priority))
    presence.addChild(caps_element())
    return presence


def unavailable() -> Any:
    """Make the presence that says that we leave."""
    presence = domish.Element((None, "presence"))
    presence["type"] = "unavailable"
    return presence

"""Our presence: that of a guest on an account whose owner chats with other programs."""

from __future__ import annotations

from twisted.words.xish import domish

from bitween.model.connection import DEFAULT_PRIORITY
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.caps import Caps

_STATUS = "bitween: shares files, does not chat"


class OwnPresence:
    """Makes the presence stanzas that announce this device."""

    def __init__(self, caps: Caps, priority: int = DEFAULT_PRIORITY) -> None:
        """:param priority: -128 to -1."""
        self._caps = caps
        self._priority = priority

    def available(self, to: str = "") -> Element:
        """
        Make the presence that says that this device is online, and what it supports (XEP-0115).

        :param to: the bare JID of one contact; empty for all contacts who are subscribed to us.
        """
        presence: Element = domish.Element((None, "presence"))
        if to:
            presence["to"] = to
        # Contacts see the account as the most available of its devices, and this one runs at night.
        presence.addElement("show", content="xa")
        presence.addElement("status", content=_STATUS)
        presence.addElement("priority", content=str(self._priority))
        presence.addChild(self._caps.element())
        return presence


def unavailable() -> Element:
    """Make the presence that says that this device goes offline."""
    presence: Element = domish.Element((None, "presence"))
    presence["type"] = "unavailable"
    return presence

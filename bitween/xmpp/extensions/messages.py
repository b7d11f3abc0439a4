"""Refuses chat messages, which no one reads here; keeps our own out of archives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish

from bitween.util.limiter import KeyedLimiter
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_CARBONS, NS_HINTS

#: Messages of a bare JID that are answered, and the seconds in which they may come.
ANSWERS = (60, 60.0)

# Headlines expect no answer, and errors must not have one (RFC 6121 §5.2.2, §8.5.3.2.1).
_UNANSWERED = frozenset({"headline", "error"})
_TEXT = "This is a file sharing program. Write to the address without the resource."


class MessageRefusal(Extension):
    """
    Answers messages to our full JID with an error, so that their senders know that no one reads
    them.

    If a full JID is offline, its server delivers the message to the account's other devices (RFC
    6121 §8.5.3.2.1); it does not do so while this device is online.
    """

    def __init__(self, clock: IReactorTime, knows: Callable[[str], bool]) -> None:
        """
        :param knows: whether a JID, as the server has stamped it, may know that we are online;
            others get no explanation.
        """
        super().__init__()
        self._knows = knows
        self._limit = KeyedLimiter[str].of_requests(clock, *ANSWERS)

    def connectionInitialized(self) -> None:
        """Listen, after the extensions that expect messages."""
        self.xmlstream.addObserver("/message", self._received, -1)

    def _received(self, message: Element) -> None:
        jid, _ = split(message.getAttribute("from"))
        # No person has written the messages of a server, or of our own bare JID.
        by_person = "@" in jid and message["from"] != self.parent.jid.userhost()
        unanswered = message.getAttribute("type") in _UNANSWERED
        if message.handled is True or unanswered or not by_person or not self._limit.allow(jid):
            return
        message.handled = True
        self.send(_refusal(message, _TEXT if self._knows(message["from"]) else None))


def leave_no_trace(message: domish.Element) -> None:
    """
    Keep our message out of archives, and from the account's other devices.

    These are hints of XEP-0334, and the exclusion of XEP-0280 §10.
    """
    for uri, name in ((NS_HINTS, "no-store"), (NS_HINTS, "no-copy"), (NS_CARBONS, "private")):
        if next(message.elements(uri, name), None) is None:
            message.addElement((uri, name))


def _refusal(message: Element, text: str | None) -> Any:
    """Make an error that does not repeat the message (RFC 6120 §8.3.1 leaves that open)."""
    refusal = domish.Element((None, "message"))
    refusal["type"], refusal["to"] = "error", message["from"]
    if message.hasAttribute("id"):
        refusal["id"] = message["id"]
    error: Any = StanzaError("service-unavailable", text=text).getElement()
    refusal.addChild(error)
    return refusal

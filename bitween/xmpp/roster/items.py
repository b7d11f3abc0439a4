"""Values <-> XML: roster items and nicknames."""

from __future__ import annotations

from bitween.model.contact import Contact, Pending, Subscription
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_NICK, NS_ROSTER

# characters of the nickname that an account gives itself.
_MAX_NICK = 64


def parse_nick(presence: Element) -> str:
    """
    Read the nickname in a subscription request (XEP-0172 §4.2); empty if there is none.

    :param presence: the request; the nickname is cut after 64 characters.
    """
    element = next(presence.elements(NS_NICK, "nick"), None)
    return "" if element is None else printable(str(element).strip(), _MAX_NICK)


def parse_item(item: Element) -> Contact | None:
    """Read a roster item; ``None`` if its JID is malformed or has a resource."""
    jid, resource = split(item.getAttribute("jid"))
    if not jid or resource:
        return None
    try:
        subscription = Subscription(item.getAttribute("subscription", "none"))
    except ValueError:
        subscription = Subscription.NONE
    groups = {printable(str(group)) for group in item.elements(NS_ROSTER, "group")}
    return Contact(
        jid,
        printable(item.getAttribute("name", "")),
        subscription,
        Pending.OUT if item.getAttribute("ask") == "subscribe" else None,
        tuple(sorted(groups)),
    )


def shows_us(contact: Contact) -> bool:
    """Whether a contact is subscribed to our presence."""
    return contact.subscription in (Subscription.FROM, Subscription.BOTH)

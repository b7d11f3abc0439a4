"""``xmpp:`` links, with which people give each other their addresses."""

from __future__ import annotations

from urllib.parse import quote, unquote

_SCHEME = "xmpp:"
# RFC 5122 §2.2: characters of an account's name that need no escape, besides letters, digits and
# "-._~".
_PLAIN = "!$()*+,;="


def invitation_link(jid: str) -> str:
    """
    Make the link that a user opens to become a contact (XEP-0147 §2.2).

    :param jid: the bare JID of the contact that invites.
    """
    local, _, domain = jid.rpartition("@")
    return f"{_SCHEME}{quote(local, safe=_PLAIN)}@{quote(domain, safe='[]:')}?subscribe"


def invited(text: str) -> str:
    """
    Find the JID in a link, and return any other text unchanged.

    :param text: a JID, or a link (RFC 5122), which may name the user's own account first.
    """
    text = text.strip()
    if not text.lower().startswith(_SCHEME):
        return text
    path = text[len(_SCHEME) :].partition("#")[0].partition("?")[0]
    if path.startswith("//"):
        path = path[2:].partition("/")[2]
    return unquote(path)

"""``xmpp:`` links, with which people tell each other how to reach them."""

from __future__ import annotations

from urllib.parse import quote, unquote

_SCHEME = "xmpp:"
# RFC 5122 §2.2: what stands in an account's name as it is, beside letters, digits and "-._~".
_PLAIN = "!$()*+,;="


def invitation_link(jid: str) -> str:
    """
    A link with which somebody asks to become a contact (XEP-0147 §2.2).

    :param jid: a bare JID.
    """
    local, _, domain = jid.rpartition("@")
    return f"{_SCHEME}{quote(local, safe=_PLAIN)}@{quote(domain, safe='[]:')}?subscribe"


def invited(text: str) -> str:
    """
    The JID in a link, whatever else that says; any other text is given back as it is.

    :param text: a JID, or a link as RFC 5122 has it, which may name an account of one's own first.
    """
    text = text.strip()
    if not text.lower().startswith(_SCHEME):
        return text
    path = text[len(_SCHEME) :].partition("#")[0].partition("?")[0]
    if path.startswith("//"):
        path = path[2:].partition("/")[2]
    return unquote(path)

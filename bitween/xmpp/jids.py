"""
JIDs: strict with those that a person gives, tolerant with those that the server has stamped.

Twisted knows only the stringprep of 2002, so it refuses JIDs that servers accept today (a resource
with an emoji, say); what the server puts into ``from`` is therefore taken as it is.
"""

from __future__ import annotations

from twisted.words.protocols.jabber.jid import JID, InvalidFormat

from bitween.errors import InvalidValue
from bitween.model.text import printable

#: RFC 7622 §3.1: three parts of at most 1023 octets each, and two separators.
MAX_JID = 3071
#: RFC 7622 §3.4.
MAX_RESOURCE = 1023


def split(jid: str | None) -> tuple[str, str]:
    """
    Take a JID that the server has stamped apart.

    :returns: the bare JID and the resource, which may be empty; two empty texts for no JID.
    """
    if not jid or len(jid) > MAX_JID:
        return "", ""
    bare, _, resource = jid.partition("/")
    return bare, resource


def parse_account(text: str) -> JID:
    """
    Read the JID of our own account, with or without a resource.

    :raises InvalidValue: if it is none.
    """
    jid = _parse(text)
    if not jid.user:
        raise _no_jid(text, "names no account", "say user@domain")
    return jid


def parse_contact(text: str) -> str:
    """
    Read the JID of a contact; a resource is dropped.

    :returns: the bare JID in its canonical form.
    :raises InvalidValue: if it is none.
    """
    jid = _parse(text)
    if not jid.user:
        raise _no_jid(text, "names no person", "say user@domain")
    return str(jid.userhost())


def _parse(text: str) -> JID:
    refusal = _no_jid(text, "is no JID", "it looks like user@domain")
    if not isinstance(text, str) or not text or len(text) > MAX_JID:
        raise refusal
    try:
        jid = JID(text)
        jid.host.encode("idna")
    except (InvalidFormat, UnicodeError):
        raise refusal from None
    if printable(text, MAX_JID) != text or any(char.isspace() for char in jid.userhost()):
        raise refusal
    return jid


def _no_jid(text: str, what: str, hint: str) -> InvalidValue:
    return InvalidValue(
        f"{printable(repr(text), 80)} {what}",
        hint,
        detail="jid",
        values={"jid": printable(str(text), 80)},
    )

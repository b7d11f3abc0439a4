"""
JIDs as Twisted and wokkel want them.

Twisted's own type knows only the Unicode of 2002, and refuses JIDs that servers accept, such as a
resource with an emoji.  :mod:`bitween.model.jid` prepares what a user types; what the server has
stamped is used as it is.
"""

from __future__ import annotations

from twisted.words.protocols.jabber.jid import JID

from bitween.model.jid import MAX_JID, MAX_PART, parse_jid

#: RFC 7622 §3.4.
MAX_RESOURCE = MAX_PART


class PreparedJID(JID):
    """
    A JID whose parts are prepared already.

    :param user: the part before the ``@``; empty for a server.
    :param resource: empty for none.
    """

    def __init__(self, user: str, host: str, resource: str = "") -> None:
        # Twisted's constructor would prepare them again.
        self.user = user or None
        self.host = host
        self.resource = resource or None

    def userhostJID(self) -> JID:
        """The account alone."""
        return PreparedJID(self.user or "", self.host)


def split(jid: str | None) -> tuple[str, str]:
    """
    Split a JID that the server has stamped.

    :returns: the bare JID and the resource, which may be empty; two empty strings for no JID.
    """
    if not jid or len(jid) > MAX_JID:
        return "", ""
    bare, _, resource = jid.partition("/")
    return bare, resource


def stamped(jid: str) -> JID:
    """Make the JID of a text that the server has stamped, or that was parsed before."""
    bare, resource = split(jid)
    user, _, host = bare.rpartition("@")
    return PreparedJID(user, host, resource)


def parse_account(text: str) -> JID:
    """
    Read the JID of our own account, with or without a resource.

    :raises InvalidValue: if it is malformed.
    """
    return PreparedJID(*parse_jid(text))


def parse_contact(text: str) -> str:
    """
    Read the JID of a contact; a resource is dropped.

    :returns: the bare JID in its canonical form.
    :raises InvalidValue: if it is malformed.
    """
    return parse_jid(text).bare

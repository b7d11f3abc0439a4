"""Contacts: who they are, how one becomes a contact, and who is blocked."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from bitween.app.ports import MessengerPort
from bitween.model.contact import Contact
from bitween.model.invitation import invitation_link, invited


class Contacts:
    """The use cases of the roster (RFC 6121) and of blocking (XEP-0191)."""

    def __init__(self, messenger: MessengerPort) -> None:
        self._messenger = messenger

    def all(self) -> Sequence[Contact]:
        """List the roster and those who ask to be in it, sorted by JID."""
        return self._messenger.contacts

    @property
    def invitation(self) -> str:
        """The link with which others send us a contact request (XEP-0147)."""
        return invitation_link(self._messenger.own_jid)

    def add(self, jid: str, nick: str = "") -> Deferred[None]:
        """
        Send a contact request.

        :param jid: a bare JID, or an ``xmpp:`` link that holds it.
        :param nick: the name under which the roster lists the contact.
        :raises InvalidValue: if ``jid`` is neither, or our own account.
        :raises AlreadyContact: if the account is a contact, and ``nick`` is empty or its name.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server refuses.
        """
        return self._messenger.add_contact(invited(jid), nick)

    def accept(self, jid: str) -> Deferred[None]:
        """
        Accept a pending contact request, and send one in return.

        :param jid: bare.
        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if that account has not asked.
        :raises NotConnected: if there is no XMPP session.
        """
        return self._messenger.accept_contact(jid)

    def remove(self, jid: str) -> Deferred[None]:
        """
        End the subscriptions in both directions, or decline a pending request.

        :param jid: bare.
        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if the roster has no such contact, and there is no such request.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server refuses.
        """
        return self._messenger.remove_contact(jid)

    def blocked(self) -> Sequence[str]:
        """List the bare JIDs and domains that the server blocks for us, sorted."""
        return self._messenger.blocked

    def block(self, jid: str) -> Deferred[None]:
        """
        Have the server block an account; its shares are dropped.

        :param jid: bare; a resource is dropped.
        :raises InvalidValue: if it is malformed.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server refuses.
        """
        return self._messenger.block(jid)

    def unblock(self, jid: str) -> Deferred[None]:
        """
        Let a blocked account reach us again.

        :param jid: bare; a resource is dropped.
        :raises InvalidValue: if it is malformed.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server refuses.
        """
        return self._messenger.unblock(jid)

"""
Roster, subscriptions and presence (RFC 6121): who the contacts are, and who is online.

Four questions are answered here, and everything else in this package asks them:

- :meth:`Roster.trusts`: do announcements of this account count?  Of contacts whose presence we are
  subscribed to, and of our own account.
- :meth:`Roster.sees_us`: may this account see our presence and our share list?
- :meth:`Roster.is_mutual`: is this device online, and do both hold?  Only such devices are sent our
  addresses.
- :meth:`Roster.knows_of_us`: may this JID learn that we are online?  Others get no answer.

A session begins with the roster and then our presence, so that no event comes before we know which
accounts to trust.  A subscription request is accepted at once if the policy says so
(:mod:`bitween.xmpp.roster.policy`), or waits for the user (:mod:`bitween.xmpp.roster.requests`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish
from wokkel.xmppim import RosterClientProtocol, RosterItem, RosterRequest

from bitween.errors import AlreadyContact, InvalidValue, RequestRefused, UnknownContact
from bitween.model.contact import AutoAccept, Contact, Pending, Subscription
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
)
from bitween.xmpp.elements import Element, xml_text
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import parse_contact, split, stamped
from bitween.xmpp.namespaces import NS_NICK, NS_PRE_APPROVAL, NS_ROSTER
from bitween.xmpp.roster.devices import OnlineDevices
from bitween.xmpp.roster.items import parse_item, parse_nick, shows_us
from bitween.xmpp.roster.new_contacts import NewContacts
from bitween.xmpp.roster.policy import RequestGate, SubscriptionPolicy
from bitween.xmpp.roster.presence import OwnPresence
from bitween.xmpp.roster.requests import PendingRequests
from bitween.xmpp.roster.subscription_retry import SubscriptionRetry
from bitween.xmpp.session.errors import no_session, request_error, subscription_error

_PRE_APPROVAL = (NS_PRE_APPROVAL, "sub")


class Roster(Extension, RosterClientProtocol):
    """Keeps the roster, follows presence, and handles subscriptions."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        notify: Callable[[MessengerEvent], None],
        presence: OwnPresence,
        policy: SubscriptionPolicy | None = None,
        blocked: Container[str] = (),
    ) -> None:
        """
        :param notify: gets contact and presence events.
        :param presence: makes our presence stanzas.
        :param policy: how to treat accounts that are not contacts yet.
        :param blocked: the bare JIDs that are blocked, at any time.
        """
        super().__init__()
        self._notify = notify
        self._policy = policy or SubscriptionPolicy()
        self._blocked = blocked
        self._presence = presence
        self._gate = RequestGate(clock, self._policy.auto_accept)
        self._devices = OnlineDevices(clock, self._device_changed, self._presence_repeated)
        self._roster: dict[str, Contact] = {}
        self._requests = PendingRequests()
        # Accounts that we have asked, so that their own request is the answer to ours.
        self._invited: set[str] = set()
        # Those of them that this daemon has asked; it does not repeat what another program asked.
        self._invited_here: set[str] = set()
        # The errors that came back from accounts that we have asked.
        self._errors: dict[str, RequestRefused] = {}
        self._new_contacts = NewContacts(clock, self._send_presence)
        self._retry = SubscriptionRetry(clock, self._unanswered, self._subscribe)

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The contacts, and the accounts whose requests wait for the user, sorted by JID."""
        return tuple(self._contact(jid) for jid in sorted({*self._roster, *self._requests}))

    def trusts(self, jid: str) -> bool:
        """Whether announcements of this bare JID count: of a contact that we follow, or our own."""
        contact = self._roster.get(jid)
        if contact is None or not contact.trusted:
            return jid == self._own_bare
        return jid not in self._blocked

    def sees_us(self, jid: str) -> bool:
        """Whether a bare JID may see our presence: a contact that we have accepted, or our own."""
        if not shows_us(self._roster.get(jid, Contact(jid))):
            return jid == self._own_bare
        return jid not in self._blocked

    def knows_of_us(self, sender: str) -> bool:
        """
        Whether a JID may know that we are online; others get no answer.

        The servers of contacts that see us may: they ask for our features (XEP-0115), to send us
        what those contacts publish.

        :param sender: as the server has stamped it: bare, full, or a domain; empty for our server.
        """
        jid, _ = split(sender)
        if not jid:
            # Our own server may leave out its JID.
            return not sender
        if self.sees_us(jid) or "@" in jid or jid in self._blocked:
            return self.sees_us(jid)
        return jid == self.parent.jid.host or any(
            shows_us(contact) and contact.jid.endswith(f"@{jid}")
            for contact in self._roster.values()
        )

    def online(self, jid: str) -> frozenset[str]:
        """Return the resources of a bare JID that are online, except our own one."""
        return self._devices.of(jid)

    def blocked_changed(self, jids: frozenset[str]) -> None:
        """
        Apply a change of the block list.

        After unblocking, the server sends presence only when we probe for it (RFC 6121 §4.3).

        :param jids: the bare JIDs and domains that are blocked now, or no longer.
        """
        for jid in sorted({*self._roster, *self._requests}):
            if not jids.isdisjoint((jid, jid.partition("@")[2])):
                self._notify(ContactChanged(contact=self._contact(jid)))
                self._devices.forget(jid)
                if self.trusts(jid):
                    self._send_subscription("probe", jid)
                if self.sees_us(jid):
                    # ejabberd sends them nothing that we publish before our presence comes again.
                    self._new_contacts.show(jid)

    def follows(self, jid: str, resource: str) -> bool:
        """Whether a device is online and its announcements count."""
        return resource in self._devices.of(jid) and self.trusts(jid)

    def is_mutual(self, jid: str, resource: str) -> bool:
        """Whether a device is online, and it and we see each other's presence."""
        return self.follows(jid, resource) and self.sees_us(jid)

    def connectionInitialized(self) -> None:
        """Fetch the roster, then send our presence."""
        super().connectionInitialized()
        self.xmlstream.addObserver("/presence", self._presence_received)
        Deferred.fromCoroutine(self._begin()).addErrback(
            lambda failure: self._log.failure("beginning the session", failure)
        )

    def connectionLost(self, reason: Any) -> None:
        """Forget who is online: in the next session the server sends it again."""
        super().connectionLost(reason)
        self._devices.clear()
        self._new_contacts.stop()
        self._retry.end()

    async def _begin(self) -> None:
        stream = self.xmlstream
        try:
            answer = await self.request(RosterRequest(stanzaType="get"))
        except Exception:
            if stream is self.xmlstream:
                error = RequestRefused.of("request_refused.no_roster")
                self.parent.give_up_session(error)
            return
        self._take_roster(answer.query)
        self.send(self._presence.available())
        self._retry.begin()
        self.parent.session_is_ready()

    async def add(self, jid: str, nick: str) -> None:
        """
        Ask an account to become a contact.

        :param jid: as the user types it; a resource is dropped.
        :param nick: the name under which the roster lists the contact; if empty, the name stays.
        :raises InvalidValue: if the JID is malformed, or our own one.
        :raises AlreadyContact: if it is a contact already and ``nick`` brings no new name; a new
            name is set without an error.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """
        bare = parse_contact(jid)
        if bare == self._own_bare:
            raise InvalidValue.of("invalid_value.own_account", jid=bare)
        self._check_online()
        known = self._roster.get(bare, Contact(bare))
        if known.subscription is Subscription.BOTH and nick in {"", known.nick}:
            raise AlreadyContact.of("already_contact.jid", jid=bare)
        item = RosterItem(
            stamped(bare), name=xml_text(nick) or known.nick, groups=set(known.groups)
        )
        await self._answered(self.setItem(item))
        self._invited.add(bare)
        if bare in self._requests:
            self._accept(bare)
        elif _PRE_APPROVAL in self.xmlstream.features:
            # The server then accepts their request even if it comes while we are offline.
            self._send_subscription("subscribed", bare)
        if not known.follows:
            self._subscribe(bare)

    async def accept(self, jid: str) -> None:
        """
        Accept a request, and ask back.

        :param jid: as the user types it; a resource is dropped.
        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if this account has sent no request.
        :raises NotConnected: if there is no session.
        """
        bare = parse_contact(jid)
        self._check_online()
        if bare not in self._requests:
            raise UnknownContact.of("unknown_contact.no_request", jid=bare)
        self._accept(bare)
        self._ask_back(bare)

    async def remove(self, jid: str) -> None:
        """
        End both subscriptions, or refuse a request.

        :param jid: as the user types it; the domain alone for a service, such as a gateway.
        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if there is no such contact and no such request.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """
        # A gateway or another service is in the roster by its domain alone.
        service = jid.strip().lower()
        bare = service if service in self._roster else parse_contact(jid)
        self._check_online()
        if bare not in self._roster and bare not in self._requests:
            raise UnknownContact.of("unknown_contact.jid", jid=bare)
        if bare in self._roster:
            # The server ends both subscriptions with it (RFC 6121 §2.5.1).
            await self._answered(self.removeItem(stamped(bare)))
        self._invited.discard(bare)
        self._invited_here.discard(bare)
        if bare in self._requests:
            self._send_subscription("unsubscribed", bare)
            self._forget_request(bare)

    def _check_online(self) -> None:
        if not self.parent.online:
            raise no_session()

    @staticmethod
    async def _answered(request: Deferred[Any]) -> Any:
        try:
            return await request
        except Exception as error:
            raise request_error(error) from None

    def _take_roster(self, query: Element | None) -> None:
        items = [] if query is None else list(query.elements(NS_ROSTER, "item"))
        contacts = {c.jid: c for c in map(parse_item, items) if c is not None}
        for gone in self._roster.keys() - contacts.keys():
            self._drop(gone)
        for contact in contacts.values():
            self._put(contact)
        trusted = frozenset(filter(self.trusts, self._roster))
        self._notify(RosterRead(trusted=trusted | {self._own_bare}))

    def _onRosterSet(self, iq: Element) -> None:
        """
        Take a roster push, from our own account only (RFC 6121 §2.1.6).

        :raises StanzaError: if another sender has forged it.
        """
        if iq.getAttribute("from", "") not in ("", self._own_bare, self.parent.jid.full()):
            raise StanzaError("service-unavailable")
        item = next(iq.query.elements(NS_ROSTER, "item"), None)
        if item is None or (contact := parse_item(item)) is None:
            raise StanzaError("bad-request")
        if item.getAttribute("subscription") == "remove":
            self._drop(contact.jid)
        else:
            self._put(contact)

    def _put(self, contact: Contact) -> None:
        jid = contact.jid
        before = self._roster.get(jid, Contact(jid))
        known = jid in self._roster
        trusted = self.trusts(jid)
        self._roster[jid] = contact
        if contact.pending is Pending.OUT:
            self._invited.add(jid)
            self._retry.begin()
        if shows_us(contact):
            self._requests.discard(jid)
        if contact.follows:
            self._errors.pop(jid, None)
        if known and contact == before:
            return
        self._notify(ContactChanged(contact=self._contact(jid)))
        if self.trusts(jid) and not trusted:
            for resource in sorted(self.online(jid)):
                self._notify(PresenceChanged(jid=jid, resource=resource, online=True))
        elif trusted and not self.trusts(jid):
            self._devices.forget(jid)
        newly_shown = shows_us(contact) and not shows_us(before)
        newly_followed = contact.follows and not before.follows
        if self.parent.online and shows_us(contact) and (newly_shown or newly_followed):
            if contact.follows or jid not in self._invited:
                self._new_contacts.show(jid)
            else:
                # We have asked back, and where both use bitween, they consent at once.
                self._new_contacts.show_soon(jid)

    def _send_presence(self, jid: str) -> None:
        if self.sees_us(jid):
            self.send(self._presence.available(jid))

    def _drop(self, jid: str) -> None:
        self._devices.forget(jid)
        self._errors.pop(jid, None)
        self._invited.discard(jid)
        self._invited_here.discard(jid)
        if self._roster.pop(jid, None) is not None:
            if jid in self._requests:
                self._notify(ContactChanged(contact=self._contact(jid)))
            else:
                self._notify(ContactRemoved(jid=jid))

    def _contact(self, jid: str) -> Contact:
        contact = self._roster.get(jid, Contact(jid))
        if jid in self._requests:
            nick = contact.nick or self._requests.nick(jid)
            contact = replace(contact, pending=Pending.IN, nick=nick)
        contact = replace(contact, error=self._errors.get(jid))
        return replace(contact, blocked=True) if jid in self._blocked else contact

    def _presence_received(self, presence: Element) -> None:
        jid, resource = split(presence.getAttribute("from"))
        kind = presence.getAttribute("type", "available")
        if kind in ("available", "unavailable"):
            self._availability(jid, resource, kind == "available")
        elif kind == "subscribe":
            self._requested_by(jid, parse_nick(presence))
        elif kind == "error":
            self._request_failed(jid, presence)
        elif kind == "unsubscribed":
            self._invited.discard(jid)
        elif kind == "unsubscribe" and jid in self._requests:
            self._forget_request(jid)

    def _availability(self, jid: str, resource: str, online: bool) -> None:
        own = jid == self._own_bare
        if not (own or jid in self._roster) or (own and resource == self.parent.jid.resource):
            return
        if online:
            self._devices.available(jid, resource)
        else:
            self._devices.unavailable(jid, resource)

    def _device_changed(self, jid: str, resource: str, online: bool) -> None:
        if self.trusts(jid):
            self._notify(PresenceChanged(jid=jid, resource=resource, online=online))

    def _presence_repeated(self, jid: str, resource: str) -> None:
        if self.trusts(jid):
            self._notify(PresenceRepeated(jid=jid, resource=resource))

    def _request_failed(self, jid: str, presence: Element) -> None:
        """Note the error that came back for our subscription request."""
        if (
            self._roster.get(jid, Contact(jid)).pending is not Pending.OUT
            and jid not in self._invited
        ):
            return
        error = subscription_error(jid, presence)
        known = self._errors.get(jid)
        if known is None or str(known) != str(error):
            self._errors[jid] = error
            self._notify(ContactChanged(contact=self._contact(jid)))

    def _requested_by(self, jid: str, nick: str) -> None:
        if not jid or jid == self._own_bare or jid in self._blocked or Contact(jid).is_service:
            # A gateway's request is for the chat program that has registered with it.
            return
        contact = self._roster.get(jid, Contact(jid))
        if self._gate.accepts(contact, invited=jid in self._invited):
            self._accept(jid)
            if self._policy.auto_accept is AutoAccept.ALWAYS:
                self._ask_back(jid)
        elif jid not in self._requests:
            dropped = self._requests.to_drop(jid)
            if dropped is not None:
                self._forget_request(dropped)
            self._requests.add(jid, nick)
            self._notify(ContactChanged(contact=self._contact(jid)))

    def _accept(self, jid: str) -> None:
        self._invited.discard(jid)
        self._send_subscription("subscribed", jid)
        # The server then sends the new contact.
        self._requests.discard(jid)

    def _ask_back(self, jid: str) -> None:
        known = self._roster.get(jid, Contact(jid))
        if not known.follows and known.pending is not Pending.OUT:
            self._subscribe(jid)

    def _forget_request(self, jid: str) -> None:
        self._requests.discard(jid)
        if jid in self._roster:
            self._notify(ContactChanged(contact=self._contact(jid)))
        else:
            self._notify(ContactRemoved(jid=jid))

    def _unanswered(self) -> list[str]:
        return [
            jid
            for jid, contact in self._roster.items()
            if contact.pending is Pending.OUT and jid in self._invited_here
        ]

    def _subscribe(self, jid: str) -> None:
        self._invited.add(jid)
        self._invited_here.add(jid)
        self._send_subscription("subscribe", jid)

    def _send_subscription(self, kind: str, jid: str) -> None:
        """Send ``subscribe`` and the like, or ``probe``."""
        presence = domish.Element((None, "presence"))
        presence["to"] = jid
        presence["type"] = kind
        if kind == "subscribe" and self._policy.nick:
            presence.addElement((NS_NICK, "nick"), content=xml_text(self._policy.nick))
        self.send(presence)

    @property
    def _own_bare(self) -> str:
        return str(self.parent.jid.userhost())

"""Roster, subscriptions and presence (RFC 6121)."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish
from wokkel.xmppim import RosterClientProtocol, RosterItem, RosterRequest

from bitween.errors import AlreadyContact, InvalidValue, RequestRefused, UnknownContact
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.model.contact import AutoAccept, Contact, Pending, Subscription
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
)
from bitween.model.jid import registered_domain
from bitween.model.text import printable
from bitween.util.limiter import KeyedLimiter
from bitween.xmpp.elements import xml_text
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import parse_contact, split, stamped
from bitween.xmpp.namespaces import NS_NICK, NS_PRE_APPROVAL, NS_ROSTER
from bitween.xmpp.roster.presence import OwnPresence
from bitween.xmpp.roster.subscription_retry import SubscriptionRetry
from bitween.xmpp.session.errors import no_session, request_error, subscription_error

#: Requests by strangers that are remembered, in all and of one domain, with those below it; the
#: server keeps the others.
MAX_REQUESTS = 1000
MAX_REQUESTS_OF_DOMAIN = 50

#: Requests of strangers that are accepted at once under ``AutoAccept.ALWAYS``, and then one in how
#: many seconds; those beyond wait for the user.
WELCOMES_AT_ONCE = 20
WELCOME_INTERVAL = 30

#: How often a resource may come, an account's resources may come, and the seconds in which: each
#: coming has us ask it things, and whoever came and went without end would fill the line.
COMINGS, COMINGS_OF_ACCOUNT = (10, 60.0), (MAX_RESOURCES, 640.0)
#: Seconds until one that came too often is looked at again.
HELD = 6.0

#: How often somebody is let in without the user, and the seconds in which: each time costs stanzas,
#: and who leaves and comes back without end would fill the line.
LET_IN = (10, 600.0)

#: Seconds in which a new contact who is asked back may consent.
SETTLING = 0.5

# characters of the name that a stranger gives himself.
_MAX_NICK = 64

_PRE_APPROVAL = (NS_PRE_APPROVAL, "sub")


@dataclass(frozen=True, slots=True)
class SubscriptionPolicy:
    """
    How we meet those who are no contacts yet.

    :param nick: what we call ourselves towards whom we ask (XEP-0172); may be empty.
    """

    nick: str = ""
    auto_accept: AutoAccept = AutoAccept.KNOWN


class Roster(Extension, RosterClientProtocol):
    """
    Keeps the roster and who is online, and handles subscriptions.

    The parent is a :class:`bitween.xmpp.session.client.Client`.
    """

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
        self._clock = clock
        # The times at which strangers were let in, as far as they still count.
        self._welcomed: list[float] = []
        self._let_ins = KeyedLimiter[str].of_requests(clock, *LET_IN)
        self._comings = KeyedLimiter[str].of_requests(clock, *COMINGS)
        self._comings_of_account = KeyedLimiter[str].of_requests(clock, *COMINGS_OF_ACCOUNT)
        # Those who came too often, and are there for us only when it is time again.
        self._held: dict[tuple[str, str], IDelayedCall] = {}
        self._roster: dict[str, Contact] = {}
        # Those who ask, with the names that they give themselves.
        self._requests: dict[str, str] = {}
        # Those whom we have asked, so that their own request is the answer to ours.
        self._asked: set[str] = set()
        # Of these, whom this daemon has asked: what other programs asked is theirs to ask again.
        self._asked_here: set[str] = set()
        # What came back from those whom we have asked.
        self._errors: dict[str, RequestRefused] = {}
        self._present: dict[str, set[str]] = {}
        # New contacts who are to be sent our presence.
        self._showing: dict[str, IDelayedCall] = {}
        self._reminders = SubscriptionRetry(clock, self._unanswered, self._subscribe)

    # ---- what is known

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The roster and those who ask to be in it, sorted by JID."""
        return tuple(self._contact(jid) for jid in sorted({*self._roster, *self._requests}))

    def trusts(self, jid: str) -> bool:
        """Whether announcements of this bare JID count: a contact whom we follow, or ourselves."""
        contact = self._roster.get(jid)
        if contact is None or not contact.trusted:
            return jid == self._own_bare
        return jid not in self._blocked

    def sees_us(self, jid: str) -> bool:
        """Whether a bare JID may see our presence: a contact whom we let in, or ourselves."""
        if not _shows_us(self._roster.get(jid, Contact(jid))):
            return jid == self._own_bare
        return jid not in self._blocked

    def knows_of_us(self, sender: str) -> bool:
        """
        Whether a JID may know that we are there: anybody else gets no answer of ours.

        The servers of those who see us are among them: they ask what we can do (XEP-0115), to tell
        us what those publish.
        """
        jid, _ = split(sender)
        if not jid:
            # Our own server need not say who it is.
            return not sender
        if self.sees_us(jid) or "@" in jid or jid in self._blocked:
            return self.sees_us(jid)
        return jid == self.parent.jid.host or any(
            _shows_us(contact) and contact.jid.endswith(f"@{jid}")
            for contact in self._roster.values()
        )

    def online(self, jid: str) -> frozenset[str]:
        """The resources of a bare JID that are there now, our own one excepted."""
        return frozenset(self._present.get(jid, ()))

    def blocked_changed(self, jids: frozenset[str]) -> None:
        """
        Have contacts count no longer, or again, whose JIDs or domains were blocked or not.

        Who is there of those who count again, nobody tells us unless we ask (RFC 6121 §4.3).
        """
        for jid in sorted({*self._roster, *self._requests}):
            if not jids.isdisjoint((jid, jid.partition("@")[2])):
                self._notify(ContactChanged(contact=self._contact(jid)))
                self._present.pop(jid, None)
                if self.trusts(jid):
                    self._send_subscription("probe", jid)
                if self.sees_us(jid):
                    # ejabberd sends them nothing that we publish before it has come again.
                    self._show(jid)

    def follows(self, jid: str, resource: str) -> bool:
        """Whether a resource is there now and its word counts."""
        return resource in self._present.get(jid, ()) and self.trusts(jid)

    def is_mutual(self, jid: str, resource: str) -> bool:
        """Whether a device is online, and it and we see each other's presence."""
        return self.follows(jid, resource) and self.sees_us(jid)

    # ---- a session begins and ends

    def connectionInitialized(self) -> None:
        """Fetch the roster, then show ourselves: so no event comes before we know whom to trust."""
        super().connectionInitialized()
        self.xmlstream.addObserver("/presence", self._presence_received)
        Deferred.fromCoroutine(self._begin()).addErrback(
            lambda failure: self._log.failure("beginning the session", failure)
        )

    def connectionLost(self, reason: Any) -> None:
        """Forget who was online: the server tells it anew."""
        super().connectionLost(reason)
        self._present.clear()
        while self._showing:
            self._showing.popitem()[1].cancel()
        while self._held:
            self._held.popitem()[1].cancel()
        self._reminders.end()

    async def _begin(self) -> None:
        stream = self.xmlstream
        try:
            answer = await self.request(RosterRequest(stanzaType="get"))
        except Exception:
            if stream is self.xmlstream:
                error = RequestRefused("the server did not give the roster")
                self.parent.give_up_session(error)
            return
        self._take_roster(answer.query)
        self.send(self._presence.available())
        self._reminders.begin()
        self.parent.session_is_ready()

    # ---- what the user wants

    async def add(self, jid: str, nick: str) -> None:
        """
        Ask somebody to become a contact.

        :raises InvalidValue: if that is no JID, or our own one.
        :raises AlreadyContact: if they are one; another name is given to them all the same.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server does not want that.
        """
        bare = parse_contact(jid)
        if bare == self._own_bare:
            raise InvalidValue(
                f"{bare} is your own account",
                "its devices see each other anyway",
                detail="own_account",
            )
        self._check_online()
        known = self._roster.get(bare, Contact(bare))
        if known.subscription is Subscription.BOTH and nick in {"", known.nick}:
            raise AlreadyContact(
                f"{bare} is among your contacts already", detail="jid", values={"jid": bare}
            )
        item = RosterItem(
            stamped(bare), name=xml_text(nick) or known.nick, groups=set(known.groups)
        )
        await self._answered(self.setItem(item))
        self._asked.add(bare)
        if bare in self._requests:
            self._let_in(bare)
        elif _PRE_APPROVAL in self.xmlstream.features:
            # So the server lets their request in even if it comes while we are away.
            self._send_subscription("subscribed", bare)
        if not known.follows:
            self._subscribe(bare)

    async def accept(self, jid: str) -> None:
        """
        Let somebody in who asks, and ask back.

        :raises UnknownContact: if nobody of that name asks.
        :raises NotConnected: if there is no session.
        """
        bare = parse_contact(jid)
        self._check_online()
        if bare not in self._requests:
            raise UnknownContact(
                f"{bare} has not asked to be a contact of yours",
                "add them instead",
                detail="no_request",
                values={"jid": bare},
            )
        self._let_in(bare)
        self._ask_back(bare)

    async def remove(self, jid: str) -> None:
        """
        End it in both directions, or refuse a request.

        :raises UnknownContact: if there is no such contact.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server does not want that.
        """
        # A gateway or another service is in the roster by its domain alone.
        service = jid.strip().lower()
        bare = service if service in self._roster else parse_contact(jid)
        self._check_online()
        if bare not in self._roster and bare not in self._requests:
            raise UnknownContact(
                f"{bare} is not among your contacts", detail="jid", values={"jid": bare}
            )
        if bare in self._roster:
            # The server ends both subscriptions with it (RFC 6121 §2.5.1).
            await self._answered(self.removeItem(stamped(bare)))
        self._asked.discard(bare)
        self._asked_here.discard(bare)
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

    # ---- the roster

    def _take_roster(self, query: Any) -> None:
        items = [] if query is None else list(query.elements(NS_ROSTER, "item"))
        contacts = {c.jid: c for c in map(_contact_of, items) if c is not None}
        for gone in self._roster.keys() - contacts.keys():
            self._drop(gone)
        for contact in contacts.values():
            self._put(contact)
        trusted = frozenset(filter(self.trusts, self._roster))
        self._notify(RosterRead(trusted=trusted | {self._own_bare}))

    def _onRosterSet(self, iq: Any) -> None:
        """
        Take a roster push, from our own account only (RFC 6121 §2.1.6).

        :raises StanzaError: for one of somebody else.
        """
        if iq.getAttribute("from", "") not in ("", self._own_bare, self.parent.jid.full()):
            raise StanzaError("service-unavailable")
        item = next(iq.query.elements(NS_ROSTER, "item"), None)
        if item is None or (contact := _contact_of(item)) is None:
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
            self._asked.add(jid)
            self._reminders.begin()
        if _shows_us(contact):
            self._requests.pop(jid, None)
        if contact.follows:
            self._errors.pop(jid, None)
        if known and contact == before:
            return
        self._notify(ContactChanged(contact=self._contact(jid)))
        if self.trusts(jid) and not trusted:
            for resource in sorted(self.online(jid)):
                self._notify(PresenceChanged(jid=jid, resource=resource, online=True))
        elif trusted and not self.trusts(jid):
            self._present.pop(jid, None)
        newly_shown = _shows_us(contact) and not _shows_us(before)
        newly_followed = contact.follows and not before.follows
        if self.parent.online and _shows_us(contact) and (newly_shown or newly_followed):
            self._show_again(contact)

    def _show_again(self, contact: Contact) -> None:
        """
        Send our presence to a new contact, once both subscriptions stand.

        ejabberd sends them nothing of ours until our presence comes again; and us nothing of
        theirs, if it came before they had let us in.  Nobody else need hear of it.
        """
        jid = contact.jid
        if contact.follows or jid not in self._asked:
            self._show(jid)
        elif jid not in self._showing:
            # They have been asked back, and where both use bitween, consent at once.
            self._showing[jid] = self._clock.callLater(SETTLING, self._show, jid)

    def _show(self, jid: str) -> None:
        timer = self._showing.pop(jid, None)
        if timer is not None and timer.active():
            timer.cancel()
        if self.sees_us(jid):
            self.send(self._presence.available(jid))

    def _drop(self, jid: str) -> None:
        self._present.pop(jid, None)
        self._errors.pop(jid, None)
        self._asked.discard(jid)
        self._asked_here.discard(jid)
        if self._roster.pop(jid, None) is not None:
            if jid in self._requests:
                self._notify(ContactChanged(contact=self._contact(jid)))
            else:
                self._notify(ContactRemoved(jid=jid))

    def _contact(self, jid: str) -> Contact:
        contact = self._roster.get(jid, Contact(jid))
        if jid in self._requests:
            nick = contact.nick or self._requests[jid]
            contact = replace(contact, pending=Pending.IN, nick=nick)
        contact = replace(contact, error=self._errors.get(jid))
        return replace(contact, blocked=True) if jid in self._blocked else contact

    # ---- presence and subscription stanzas

    def _presence_received(self, presence: Any) -> None:
        jid, resource = split(presence.getAttribute("from"))
        kind = presence.getAttribute("type", "available")
        if kind in ("available", "unavailable"):
            self._availability(jid, resource, kind == "available")
        elif kind == "subscribe":
            self._asked_by(jid, _nick_in(presence))
        elif kind == "error":
            self._not_asked(jid, presence)
        elif kind == "unsubscribed":
            self._asked.discard(jid)
        elif kind == "unsubscribe" and jid in self._requests:
            self._forget_request(jid)

    def _availability(self, jid: str, resource: str, online: bool) -> None:
        own = jid == self._own_bare
        if not (own or jid in self._roster) or (own and resource == self.parent.jid.resource):
            return
        present = self._present.setdefault(jid, set())
        if online:
            if resource in present and self.trusts(jid):
                self._notify(PresenceRepeated(jid=jid, resource=resource))
            elif resource and resource not in present and len(present) < MAX_RESOURCES:
                self._came(jid, resource)
        else:
            self._release(jid, resource)
            # Without a resource it is said of all of them.
            for gone in sorted(present & {resource} if resource else set(present)):
                present.discard(gone)
                self._tell_presence(jid, gone, False)

    def _came(self, jid: str, resource: str) -> None:
        """Have a resource be there, at once or, if it comes too often, when it is time again."""
        key = (jid, resource)
        if key in self._held:
            return
        if self._comings.allow(f"{jid}/{resource}") and self._comings_of_account.allow(jid):
            self._present.setdefault(jid, set()).add(resource)
            self._tell_presence(jid, resource, True)
        elif sum(known == jid for known, _ in self._held) < MAX_RESOURCES:
            self._held[key] = self._clock.callLater(HELD, self._look_at_held, key)

    def _look_at_held(self, key: tuple[str, str]) -> None:
        del self._held[key]
        self._availability(*key, True)

    def _release(self, jid: str, resource: str = "") -> None:
        """Hold a resource of a bare JID no longer, or none of them."""
        for key in [k for k in self._held if k[0] == jid and resource in ("", k[1])]:
            self._held.pop(key).cancel()

    def _tell_presence(self, jid: str, resource: str, online: bool) -> None:
        if self.trusts(jid):
            self._notify(PresenceChanged(jid=jid, resource=resource, online=online))

    def _not_asked(self, jid: str, presence: Any) -> None:
        """Take note of why whom we asked was not reached."""
        if (
            self._roster.get(jid, Contact(jid)).pending is not Pending.OUT
            and jid not in self._asked
        ):
            return
        error = subscription_error(jid, presence)
        known = self._errors.get(jid)
        if known is None or str(known) != str(error):
            self._errors[jid] = error
            self._notify(ContactChanged(contact=self._contact(jid)))

    def _asked_by(self, jid: str, nick: str) -> None:
        if not jid or jid == self._own_bare or jid in self._blocked or Contact(jid).is_service:
            # What a gateway asks is for the chat program to answer that has registered with it.
            return
        if self._is_welcome(jid) and self._let_ins.allow(jid):
            self._let_in(jid)
            if self._policy.auto_accept is AutoAccept.ALWAYS:
                self._ask_back(jid)
        elif jid not in self._requests:
            self._make_room_for(jid)
            self._requests[jid] = nick
            self._notify(ContactChanged(contact=self._contact(jid)))

    def _make_room_for(self, jid: str) -> None:
        """
        Forget the oldest request of a domain that has too many, or of the one that has the most.

        So a flood from one server hides no honest request of another.  The owner of a domain can
        name any number of servers below it, so these count together.
        """
        by_domain: dict[str, list[str]] = {}
        for known in self._requests:
            by_domain.setdefault(_owner(known), []).append(known)
        of_domain = by_domain.get(_owner(jid), [])
        if len(of_domain) >= MAX_REQUESTS_OF_DOMAIN:
            self._forget_request(of_domain[0])
        elif len(self._requests) >= MAX_REQUESTS:
            self._forget_request(max(by_domain.values(), key=len)[0])

    def _is_welcome(self, jid: str) -> bool:
        """Whether a request is accepted without the user."""
        known = self._roster.get(jid, Contact(jid))
        if jid in self._asked or _shows_us(known):
            return True
        match self._policy.auto_accept:
            case AutoAccept.NEVER:
                return False
            case AutoAccept.KNOWN:
                return known.follows
            case AutoAccept.ALWAYS:
                return known.follows or self._may_welcome_a_stranger()

    def _may_welcome_a_stranger(self) -> bool:
        now = self._clock.seconds()
        since = now - WELCOME_INTERVAL * WELCOMES_AT_ONCE
        self._welcomed = [then for then in self._welcomed if then > since]
        if len(self._welcomed) >= WELCOMES_AT_ONCE:
            return False
        self._welcomed.append(now)
        return True

    def _let_in(self, jid: str) -> None:
        self._asked.discard(jid)
        self._send_subscription("subscribed", jid)
        # Upon that the server tells of the new contact.
        self._requests.pop(jid, None)

    def _ask_back(self, jid: str) -> None:
        known = self._roster.get(jid, Contact(jid))
        if not known.follows and known.pending is not Pending.OUT:
            self._subscribe(jid)

    def _forget_request(self, jid: str) -> None:
        del self._requests[jid]
        if jid in self._roster:
            self._notify(ContactChanged(contact=self._contact(jid)))
        else:
            self._notify(ContactRemoved(jid=jid))

    def _unanswered(self) -> list[str]:
        return [
            jid
            for jid, contact in self._roster.items()
            if contact.pending is Pending.OUT and jid in self._asked_here
        ]

    def _subscribe(self, jid: str) -> None:
        self._asked.add(jid)
        self._asked_here.add(jid)
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


def _nick_in(presence: Any) -> str:
    """The name that somebody gives himself (XEP-0172 §4.2)."""
    element = next(presence.elements(NS_NICK, "nick"), None)
    return "" if element is None else printable(str(element).strip(), _MAX_NICK)


def _shows_us(contact: Contact) -> bool:
    return contact.subscription in (Subscription.FROM, Subscription.BOTH)


def _contact_of(item: Any) -> Contact | None:
    """Read a roster entry; ``None`` for one that is none of a person."""
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


def _owner(jid: str) -> str:
    """The domain whose owner answers for a bare JID."""
    return registered_domain(jid.partition("@")[2])

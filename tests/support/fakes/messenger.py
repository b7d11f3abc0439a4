"""An XMPP side in memory: one ``FakeServer``, and a ``FakeMessenger`` for each resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from twisted.internet.defer import Deferred, fail, succeed

from bitween.errors import (
    AlreadyContact,
    InvalidValue,
    NotConnected,
    RequestRefused,
    UnknownContact,
)
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.contact import Contact, Pending, Subscription
from bitween.model.diagnosis import Finding
from bitween.model.events import (
    ConnectionChanged,
    ContactChanged,
    ContactRemoved,
    ItemPublished,
    ItemRetracted,
    ItemsRead,
    ListingReceived,
    MessengerEvent,
    PresenceChanged,
    PrivateListingReceived,
    RosterRead,
)
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable


@dataclass
class _Account:
    nicks: dict[str, str] = field(default_factory=dict)
    follows: set[str] = field(default_factory=set)
    asks: set[str] = field(default_factory=set)
    asked_by: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    items: dict[str, Announcement] = field(default_factory=dict)
    online: dict[str, FakeMessenger] = field(default_factory=dict)


class FakeServer:
    """Knows every account's roster, items and resources."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def account(self, jid: str) -> _Account:
        """The account with this bare JID, made if there is none."""
        return self._accounts.setdefault(jid, _Account())

    def contact(self, owner: str, jid: str) -> Contact:
        """A roster entry as its owner sees it."""
        account = self.account(owner)
        to, from_ = jid in account.follows, owner in self.account(jid).follows
        pending = Pending.OUT if jid in account.asks else None
        return Contact(
            jid,
            account.nicks.get(jid, ""),
            {
                (False, False): Subscription.NONE,
                (True, False): Subscription.TO,
                (False, True): Subscription.FROM,
                (True, True): Subscription.BOTH,
            }[to, from_],
            Pending.IN if jid in account.asked_by else pending,
            account.groups.get(jid, ()),
            blocked=jid in account.blocked,
        )

    def contacts(self, owner: str) -> tuple[Contact, ...]:
        """The roster of an account, with those who ask to be in it."""
        account = self.account(owner)
        followers = {jid for jid, other in self._accounts.items() if owner in other.follows}
        known = {*account.nicks, *account.follows, *account.asked_by, *followers}
        return tuple(self.contact(owner, jid) for jid in sorted(known))

    def follow(self, follower: str, followed: str) -> None:
        """Let one account see another's presence and items."""
        self.account(follower).asks.discard(followed)
        self.account(followed).asked_by.discard(follower)
        self.account(follower).follows.add(followed)
        self.account(followed).nicks.setdefault(follower, "")
        self.tell(follower, ContactChanged(contact=self.contact(follower, followed)))
        self.tell(followed, ContactChanged(contact=self.contact(followed, follower)))
        for resource in self.account(followed).online:
            self.tell(follower, PresenceChanged(jid=followed, resource=resource, online=True))
        self.tell(follower, self.items_read(followed))

    def part(self, owner: str, jid: str) -> None:
        """End everything between two accounts; the other one keeps its entry."""
        account, other = self.account(owner), self.account(jid)
        account.nicks.pop(jid, None)
        for here, there in ((account, jid), (other, owner)):
            here.follows.discard(there)
            here.asks.discard(there)
            here.asked_by.discard(there)
        self.tell(owner, ContactRemoved(jid=jid))
        if any(contact.jid == owner for contact in self.contacts(jid)):
            self.tell(jid, ContactChanged(contact=self.contact(jid, owner)))

    def items_read(self, jid: str, without: str = "") -> ItemsRead:
        """What reading an account's node gives."""
        items = self.account(jid).items
        return ItemsRead(jid=jid, items={r: (a,) for r, a in items.items() if r != without})

    def audience(self, jid: str) -> list[str]:
        """Those who see an account's presence and items, itself among them."""
        return [jid, *(who for who, other in self._accounts.items() if jid in other.follows)]

    def tell(self, jid: str, event: MessengerEvent, but: FakeMessenger | None = None) -> None:
        """Hand an event to every resource of an account."""
        for messenger in list(self.account(jid).online.values()):
            if messenger is not but:
                messenger.events.notify(event)


class FakeMessenger:
    """
    The application's port ``Messenger``, without a network.

    :ivar announced: what was announced last.
    """

    def __init__(
        self, jid: str = "alice@example.org/here", server: FakeServer | None = None
    ) -> None:
        self.own_jid, _, self.resource = jid.partition("/")
        self.server = server or FakeServer()
        self.events: Observable[MessengerEvent] = Observable()
        self.status = ConnectionStatus(jid, ConnectionState.CONNECTING, 0.0)
        self.announced: tuple[tuple[Share, ...], tuple[Candidate, ...]] | None = None
        self._shares_for: Callable[[str], Sequence[Share]] = lambda _: ()
        self._private: dict[tuple[str, str], tuple[Share, ...]] = {}
        self._access_service: Callable[[str, str, InfoHash], None] | None = None

    # ---- the port

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster and those who ask to be in it, sorted by JID."""
        return self.server.contacts(self.own_jid)

    def trusts(self, jid: str) -> bool:
        """Whether this bare JID's word counts: a contact whom we follow, or ourselves."""
        return jid == self.own_jid or self.server.contact(self.own_jid, jid).trusted

    def announce(
        self,
        shares: Sequence[Share],
        candidates: Sequence[Candidate],
        plain: Sequence[PeerAddress] = (),
    ) -> None:
        """Tell everybody who follows us, now or when we come online."""
        del plain  # every messenger here knows sealed transfers
        self.announced = tuple(shares), tuple(candidates)
        self._publish()

    def vouch(self) -> None:
        """Do nothing: fakes have no keys."""

    def reconnect(self) -> None:
        """Be online again, if a test had it go offline."""
        if self.status.state is ConnectionState.WAITING:
            self.start()

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """Hand on the whole list, if the resource is there; here that is one page."""
        del list_id, revision  # nobody here remembers what changed
        account = self.server.account(jid)
        said = account.items.get(resource)
        if said is not None and resource in account.online and self._online:
            page = ListPage(
                said.list_id, said.revision, tuple(said.shares.values()), reset=True, complete=True
            )
            self.events.notify(ListingReceived(jid=jid, resource=resource, page=page))

    def read_private(self, jid: str, resource: str) -> None:
        """Hand on the list that a device keeps for us alone, if it is there."""
        other = self.server.account(jid).online.get(resource)
        if other is not None and self._online and (jid, resource) not in self._private:
            self._private[jid, resource] = shares = other.private_shares(self.own_jid)
            self._hand_on(jid, resource, shares)

    def serve_lists(self, shares_for: Callable[[str], Sequence[Share]]) -> None:
        """Have others read these shares."""
        self._shares_for = shares_for
        self.lists_changed()

    def lists_changed(self, jids: Iterable[str] | None = None) -> None:
        """Have those others read again whose lists have changed."""
        concerned = self.server.audience(self.own_jid)
        for jid in concerned if jids is None else set(concerned).intersection(jids):
            for messenger in list(self.server.account(jid).online.values()):
                messenger.private_list_changed(self)

    def private_shares(self, reader: str) -> tuple[Share, ...]:
        """What we share with a contact alone."""
        return tuple(self._shares_for(reader))

    def private_list_changed(self, other: FakeMessenger) -> None:
        """Read the list that another device keeps for us alone, if it is not what we know."""
        key = other.own_jid, other.resource
        shares = other.private_shares(self.own_jid)
        if key in self._private and self._private[key] != shares:
            self._private[key] = shares
            self._hand_on(*key, shares)

    def device_left(self, other: FakeMessenger) -> None:
        """Forget the list of a device that went offline."""
        self._private.pop((other.own_jid, other.resource), None)

    def serve_access_requests(self, service: Callable[[str, str, InfoHash], None]) -> None:
        """Take the requests of others."""
        self._access_service = service

    def ask_access(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        """Hand the request to the owner."""
        other = self.server.account(jid).online.get(resource)
        if not self._online:
            return fail(NotConnected("there is no connection to the XMPP server"))
        if other is None or not other.access_requested(self, info_hash):
            return fail(RequestRefused("service-unavailable"))
        return succeed(None)

    def access_requested(self, asker: FakeMessenger, info_hash: InfoHash) -> bool:
        """Take a request; returns whether anything here takes requests."""
        if self._access_service is None:
            return False
        self._access_service(asker.own_jid, asker.resource, info_hash)
        return True

    def _hand_on(self, jid: str, resource: str, shares: tuple[Share, ...]) -> None:
        page = ListPage("private", 1, shares, reset=True, complete=True)
        self.events.notify(PrivateListingReceived(jid=jid, resource=resource, page=page))

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Send a contact request."""
        return self._attempt(self._add, jid, nick)

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Accept a contact request, and ask back."""
        return self._attempt(self._accept, jid)

    def remove_contact(self, jid: str) -> Deferred[None]:
        """End it in both directions."""
        return self._attempt(self._remove, jid)

    def retract(self, resource: str) -> Deferred[None]:
        """Take back an item of our account."""
        if not self._online:
            return fail(NotConnected("there is no connection to the XMPP server"))
        if self.server.account(self.own_jid).items.pop(resource, None) is not None:
            event = ItemRetracted(jid=self.own_jid, item_id=resource)
            for jid in self.server.audience(self.own_jid):
                self.server.tell(jid, event)
        return succeed(None)

    @property
    def blocked(self) -> Sequence[str]:
        """The bare JIDs that are kept away from us, sorted."""
        return sorted(self.server.account(self.own_jid).blocked)

    def block(self, jid: str) -> Deferred[None]:
        """Block a JID."""
        return self._attempt(self._block, jid)

    def unblock(self, jid: str) -> Deferred[None]:
        """Unblock a JID."""
        return self._attempt(self._unblock, jid)

    def check_server(self) -> Deferred[Sequence[Finding]]:
        """Find a server that does everything."""
        if self.status.state is not ConnectionState.ONLINE:
            return succeed([])
        return succeed(
            [
                Finding.of("certificate.good", n=90),
                Finding.of("pep.good"),
                Finding.of("clock.good", seconds=0.0),
                Finding.of("proxy.good", jid="proxy.example.org"),
                Finding.of("stun.good"),
                Finding.of("address.good", address="192.0.2.1"),
            ]
        )

    # ---- what a test does with it

    def start(self) -> None:
        """Come online."""
        account = self.server.account(self.own_jid)
        account.online[self.resource] = self
        self._set_state(ConnectionState.ONLINE)
        trusted = frozenset({self.own_jid, *account.follows})
        self.events.notify(RosterRead(trusted=trusted))
        self._tell_presence(online=True)
        for jid in sorted({self.own_jid, *account.follows}):
            for resource in sorted(self.server.account(jid).online):
                if (jid, resource) != (self.own_jid, self.resource):
                    event = PresenceChanged(jid=jid, resource=resource, online=True)
                    self.events.notify(event)
            without = self.resource if jid == self.own_jid else ""
            self.events.notify(self.server.items_read(jid, without))
        self._publish()

    def stop(self) -> Deferred[None]:
        """Go offline; what was announced stays."""
        if self.server.account(self.own_jid).online.pop(self.resource, None) is not None:
            self._tell_presence(online=False)
            self._private.clear()
            for jid in self.server.audience(self.own_jid):
                for messenger in list(self.server.account(jid).online.values()):
                    messenger.device_left(self)
            self._set_state(ConnectionState.WAITING)
        return succeed(None)

    def set_groups(self, jid: str, *groups: str) -> None:
        """Put a contact into these roster groups alone, as any client of the account may do."""
        self.server.account(self.own_jid).groups[jid] = tuple(sorted(groups))
        event = ContactChanged(contact=self.server.contact(self.own_jid, jid))
        self.server.tell(self.own_jid, event)

    def befriend(self, jids: Iterable[str]) -> None:
        """Make mutual contacts of others, without the ceremony."""
        for jid in jids:
            self.server.follow(self.own_jid, jid)
            self.server.follow(jid, self.own_jid)

    # ---- inside

    @property
    def _online(self) -> bool:
        return self.status.state is ConnectionState.ONLINE

    def _set_state(self, state: ConnectionState) -> None:
        self.status = replace(self.status, state=state)
        self.events.notify(ConnectionChanged(status=self.status))

    def _tell_presence(self, *, online: bool) -> None:
        event = PresenceChanged(jid=self.own_jid, resource=self.resource, online=online)
        for jid in self.server.audience(self.own_jid):
            self.server.tell(jid, event, but=self)

    def _publish(self) -> None:
        if self.announced is None or not self._online:
            return
        shares, candidates = self.announced
        said = Announcement(
            self.resource,
            {s.info_hash: s for s in shares},
            tuple(c.address for c in candidates if c.dialable),
            candidates=candidates,
            sealed=True,
        )
        items = self.server.account(self.own_jid).items
        if items.get(self.resource) == said:
            return
        items[self.resource] = said
        event = ItemPublished(jid=self.own_jid, item_id=self.resource, announcements=(said,))
        for jid in self.server.audience(self.own_jid):
            self.server.tell(jid, event, but=self)

    def _attempt(self, step: Callable[..., None], *args: str) -> Deferred[None]:
        try:
            jid = args[0]
            local, _, domain = jid.partition("/")[0].partition("@")
            if not local or not domain or any(char.isspace() for char in jid):
                raise InvalidValue(f"{jid!r} is not a JID")
            if not self._online:
                raise NotConnected("there is no connection to the XMPP server")
            step(f"{local}@{domain}".lower(), *args[1:])
        except (AlreadyContact, InvalidValue, NotConnected, UnknownContact):
            return fail()
        return succeed(None)

    def _add(self, jid: str, nick: str) -> None:
        if jid == self.own_jid:
            raise InvalidValue(f"{jid} is your own account")
        account = self.server.account(self.own_jid)
        known = self.server.contact(self.own_jid, jid)
        if known.subscription is Subscription.BOTH and nick in {"", known.nick}:
            raise AlreadyContact(f"{jid} is among your contacts already")
        account.nicks[jid] = nick or account.nicks.get(jid, "")
        if jid in account.asked_by:
            self.server.follow(jid, self.own_jid)
        if jid not in account.follows:
            self._ask(jid)

    def _ask(self, jid: str) -> None:
        account, other = self.server.account(self.own_jid), self.server.account(jid)
        account.asks.add(jid)
        self.server.tell(
            self.own_jid, ContactChanged(contact=self.server.contact(self.own_jid, jid))
        )
        if self.own_jid in other.asks or self.own_jid in other.follows:
            # They asked first: ours is the answer.
            self.server.follow(self.own_jid, jid)
            return
        other.asked_by.add(self.own_jid)
        self.server.tell(jid, ContactChanged(contact=self.server.contact(jid, self.own_jid)))

    def _accept(self, jid: str) -> None:
        if jid not in self.server.account(self.own_jid).asked_by:
            raise UnknownContact(f"{jid} has not asked to be a contact of yours")
        self.server.follow(jid, self.own_jid)
        if jid not in self.server.account(self.own_jid).follows:
            self._ask(jid)

    def _remove(self, jid: str) -> None:
        if all(contact.jid != jid for contact in self.contacts):
            raise UnknownContact(f"{jid} is not among your contacts")
        self.server.part(self.own_jid, jid)

    def _block(self, jid: str) -> None:
        self.server.account(self.own_jid).blocked.add(jid)
        self._blocked_changed(jid)
        for resource in sorted(self.server.account(self.own_jid).online):
            event = PresenceChanged(jid=self.own_jid, resource=resource, online=False)
            self.server.tell(jid, event)

    def _unblock(self, jid: str) -> None:
        self.server.account(self.own_jid).blocked.discard(jid)
        self._blocked_changed(jid)
        if self.trusts(jid):
            for resource in sorted(self.server.account(jid).online):
                event = PresenceChanged(jid=jid, resource=resource, online=True)
                self.server.tell(self.own_jid, event)
            self.server.tell(self.own_jid, self.server.items_read(jid))
        if jid in self.server.audience(self.own_jid):
            for resource in sorted(self.server.account(self.own_jid).online):
                event = PresenceChanged(jid=self.own_jid, resource=resource, online=True)
                self.server.tell(jid, event)

    def _blocked_changed(self, jid: str) -> None:
        if any(contact.jid == jid for contact in self.contacts):
            event = ContactChanged(contact=self.server.contact(self.own_jid, jid))
            self.server.tell(self.own_jid, event)

"""The XMPP side, as the application uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from wokkel.generic import FallbackHandler

from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.command import Command
from bitween.model.connection import DEFAULT_PRIORITY, ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.diagnosis import Finding
from bitween.model.dial_back import DialBack
from bitween.model.events import (
    ConnectionChanged,
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
)
from bitween.model.nat import ServerView
from bitween.model.share_list import ListMemory
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable
from bitween.xmpp.extensions.access_requests import AccessRequests, AccessService
from bitween.xmpp.extensions.adhoc import AdHoc
from bitween.xmpp.extensions.caps import Caps, SoftwareVersion
from bitween.xmpp.extensions.device_keys import DeviceKeys
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.extensions.external_address import ExternalAddressQuery
from bitween.xmpp.extensions.messages import MessageRefusal
from bitween.xmpp.extensions.peer_request_server import PeerRequestServer, PeerServices
from bitween.xmpp.extensions.peer_requests import PeerRequests
from bitween.xmpp.extensions.ping import Pinger
from bitween.xmpp.extensions.server_check import ServerCheck
from bitween.xmpp.extensions.wants import Wants
from bitween.xmpp.roster.blocklist import BlockList
from bitween.xmpp.roster.policy import SubscriptionPolicy
from bitween.xmpp.roster.presence import OwnPresence
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.client import Client
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.shares.announcement_signature import AnnouncementSignatures
from bitween.xmpp.shares.item_codec import OwnPlaces
from bitween.xmpp.shares.list_reader import ListReader
from bitween.xmpp.shares.list_server import ListServer
from bitween.xmpp.shares.page_queue import PageQueue
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import NoMemory, PublishedList
from bitween.xmpp.shares.restricted_reader import RestrictedListReader
from bitween.xmpp.shares.restricted_server import RestrictedListServer, SharesFor
from bitween.xmpp.shares.sealed_page import SealedPages
from bitween.xmpp.statements import Statements
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.streams import IN_BAND_LIMIT, Streams

# bytes of the requests of a server check.
_CHECK_SIZE = 2000


@dataclass(frozen=True, slots=True)
class MessengerOptions:
    """
    What the user has chosen.

    :param priority: of our presence, below 0.
    :param policy: how to treat accounts that are not contacts yet.
    :param in_band_limit: bytes of the largest torrent that goes within the XMPP stream, where no
        server relays; 0 for none.
    """

    priority: int = DEFAULT_PRIORITY
    policy: SubscriptionPolicy = field(default_factory=SubscriptionPolicy)
    in_band_limit: int = IN_BAND_LIMIT


class Messenger:
    """
    Speaks XMPP: implements :class:`bitween.app.ports.MessengerPort`.

    It makes one :class:`bitween.xmpp.extensions.extension.Extension` for each protocol and hangs
    them into the client.  Extensions do not know each other; what one of them notices goes through
    here to the others and to the application.

    :ivar client: the service to start and stop.
    :ivar events: what comes from the server and the contacts.
    :ivar streams: opens byte streams to contacts, and accepts theirs.
    :ivar wants: tells devices which shares we fetch, and introduces them to each other.
    """

    def __init__(
        self,
        reactor: Any,
        client: Client,
        options: MessengerOptions | None = None,
        memory: ListMemory | None = None,
        is_at_home: Callable[[PeerAddress], bool] = lambda _: False,
        *,
        statements: Statements | None = None,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param client: keeps the session.
        :param memory: keeps our share list; without it contacts read all of it after each start.
        :param is_at_home: whether a public address is in one of our own networks.
        :param statements: signs with our key and checks what others sign; without it the device has
            a new key.
        """
        options = options or MessengerOptions()
        self._statements = statements or Statements()
        self.events: Observable[MessengerEvent] = Observable()
        self.client = client
        self._in_session = False
        self._trusted: set[str] = set()
        caps = Caps()
        proxies = Proxies(reactor, is_at_home)
        self._server_check = ServerCheck(proxies)
        self._external_address = ExternalAddressQuery()
        self._adhoc = AdHoc(reactor)
        self._pinger = Pinger()
        presence = OwnPresence(caps, options.priority)
        roster = self._build_roster(reactor, presence, options.policy)
        shares = self._build_shares(reactor, memory or NoMemory())
        requests = self._build_requests(reactor)
        self.streams = Streams(
            reactor, client.budget, proxies, self._roster.is_mutual, options.in_band_limit
        )
        self._extensions: tuple[Extension, ...] = (
            self._external_address,
            self._server_check,
            *roster,
            *shares,
            *requests,
            proxies,
            self.streams,
            self._adhoc,
            caps,
            SoftwareVersion(),
            self._pinger,
            MessageRefusal(reactor, self._roster.knows_of_us),
        )
        self._attach()

    def _build_roster(
        self, reactor: Any, presence: OwnPresence, policy: SubscriptionPolicy
    ) -> tuple[Extension, ...]:
        self._block_list = BlockList(self._blocked_changed)
        self._roster = Roster(reactor, self._publish_event, presence, policy, self._block_list)
        self.client.answer_only(self._roster.knows_of_us)
        # The block list first: contacts are known as blocked or not when they appear.
        return self._block_list, self._roster

    def _build_shares(self, reactor: Any, memory: ListMemory) -> tuple[Extension, ...]:
        roster, budget = self._roster, self.client.budget
        own = PublishedList(memory)
        signatures = AnnouncementSignatures(self._statements)
        self._pep = Pep(
            reactor,
            budget,
            roster.trusts,
            self._publish_event,
            own,
            signer=signatures,
            check=signatures.counts,
        )
        queue = PageQueue(reactor, budget)
        self._list_reader = ListReader(reactor, budget, roster.follows, self._publish_event)
        device_keys = DeviceKeys(reactor, budget, self._statements, roster.is_mutual)
        pages = SealedPages(self._statements, device_keys)
        self._restricted_server = RestrictedListServer(
            reactor, budget, queue, roster.sees_us, pages
        )
        self._restricted_reader = RestrictedListReader(
            reactor, budget, roster.follows, self._publish_event, pages
        )
        return (
            self._pep,
            ListServer(queue, own.shares, roster.sees_us),
            self._list_reader,
            device_keys,
            self._restricted_server,
            self._restricted_reader,
        )

    def _build_requests(self, reactor: Any) -> tuple[Extension, ...]:
        budget, is_mutual, statements = self.client.budget, self._roster.is_mutual, self._statements
        self._peer_requests = PeerRequests(budget, is_mutual, statements)
        self._peer_request_server = PeerRequestServer(reactor, is_mutual, statements)
        self.wants = Wants(reactor, budget, is_mutual, statements)
        self._access_requests = AccessRequests(reactor, is_mutual)
        return self._peer_requests, self._peer_request_server, self.wants, self._access_requests

    def _attach(self) -> None:
        """Hang the extensions into the client, in the order in which they see a new session."""
        for extension in self._extensions:
            extension.setHandlerParent(self.client)
        # It answers the requests that no extension has answered.
        FallbackHandler().setHandlerParent(self.client)
        self.client.changes.subscribe(self._connection_changed)

    @property
    def status(self) -> ConnectionStatus:
        """The state of the connection."""
        return self.client.status

    @property
    def contacts(self) -> Sequence[Contact]:
        """The contacts, and the accounts whose requests wait for the user, sorted by JID."""
        return self._roster.contacts

    @property
    def blocked(self) -> Sequence[str]:
        """The blocked bare JIDs and domains, sorted."""
        return self._block_list.blocked

    @property
    def own_jid(self) -> str:
        """Our bare JID."""
        return str(self.client.jid.userhost())

    def trusts(self, jid: str) -> bool:
        """Whether announcements of this bare JID count: of a contact that we follow, or our own."""
        return self._roster.trusts(jid)

    def announce(
        self,
        shares: Sequence[Share],
        candidates: Sequence[Candidate],
        plain: Sequence[PeerAddress] = (),
    ) -> None:
        """
        Publish this to contacts, now or as soon as there is a session.

        :param shares: oldest first.
        :param candidates: our addresses, best first.
        :param plain: where peers may dial us that know no sealed transfers, best first.
        """
        self._pep.announce(shares, OwnPlaces(tuple(candidates), tuple(plain)))

    def offer_commands(self, commands: Sequence[Command]) -> None:
        """
        Set the commands that our account's other devices can run (XEP-0050).

        :param commands: all of them, in the order of the menu; they replace those set before.
        """
        self._adhoc.offer(commands)

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what is unknown of a device's share list, if it is online.

        :param revision: the revision that is known; 0 if none is.
        """
        self._list_reader.read(jid, resource, list_id, revision)

    def read_private(self, jid: str, resource: str) -> None:
        """Read the list that a device keeps for us alone, unless that is known."""
        self._restricted_reader.read_private(jid, resource)

    def serve_lists(self, shares_for: SharesFor) -> None:
        """
        Serve each contact a list of its own: what it may see and not everybody may.

        :param shares_for: called with a bare JID, our own included; returns its shares, oldest
            first, each info-hash once.
        """
        self._restricted_server.serve(shares_for)

    def lists_changed(self, jids: Iterable[str] | None = None) -> None:
        """
        Call ``shares_for`` again, and tell the readers whose lists have changed.

        :param jids: the bare JIDs that it may concern; ``None`` for all.
        """
        self._restricted_server.update(jids)

    def serve_access_requests(self, service: AccessService) -> None:
        """Take the requests of contacts for access to a share."""
        self._access_requests.serve(service)

    def ask_access(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        """Ask the owner of a locked share, by a device that lists it, for access."""
        return Deferred.fromCoroutine(self._access_requests.ask(jid, resource, info_hash))

    def is_mutual(self, jid: str, resource: str) -> bool:
        """Whether a device is online, and it and we see each other's presence."""
        return self._roster.is_mutual(jid, resource)

    def serve(self, services: PeerServices) -> None:
        """Use these services for the requests of other devices, from now on."""
        self._peer_request_server.serve(services)

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """
        Ask a device to dial us at some of our addresses.

        :param addresses: the first four are taken.
        :returns: fires with which of them the device could reach.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, does not answer, or does not support it.
        """
        return self._peer_requests.dial_back(jid, resource, addresses)

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Ask a device to dial us for a torrent now; fires with its candidates."""
        return self._peer_requests.request_connection(jid, resource, info_hash, candidates)

    def prove(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """
        Ask a device to send a token into the networks that it may share with us.

        :param token: 16 bytes.
        :returns: fires when the device has sent it.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, does not answer, or does not support it.
        """
        return self._peer_requests.prove(jid, resource, token)

    def vouch(self) -> None:
        """Announce soon which of our other devices are verified now."""
        self._pep.check_own_node()

    def reconnect(self) -> None:
        """Connect now, or check whether the connection is still up."""
        self.client.look_alive()
        self.client.reconnect()

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """Find out whether a device answers; its presence may outlive it."""
        return Deferred.fromCoroutine(self._pinger.ping(jid, resource))

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Request a subscription; the request that answers it is accepted."""
        return Deferred.fromCoroutine(self._roster.add(jid, nick))

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Accept a pending request, and request a subscription too."""
        return Deferred.fromCoroutine(self._roster.accept(jid))

    def remove_contact(self, jid: str) -> Deferred[None]:
        """End both subscriptions, or refuse a pending request."""
        return Deferred.fromCoroutine(self._roster.remove(jid))

    def retract(self, resource: str) -> Deferred[None]:
        """Retract the announcement of another device of our account."""
        return self._pep.retract(resource)

    def block(self, jid: str) -> Deferred[None]:
        """Block an account: the server stops all its stanzas."""
        return Deferred.fromCoroutine(self._block_list.block(jid))

    def unblock(self, jid: str) -> Deferred[None]:
        """Unblock an account."""
        return Deferred.fromCoroutine(self._block_list.unblock(jid))

    def check_server(self) -> Deferred[Sequence[Finding]]:
        """Check what the server supports; without a session there are no findings."""
        return Deferred.fromCoroutine(self._surveyed())

    async def _surveyed(self) -> Sequence[Finding]:
        if self.client.online:
            # An API client may repeat it without end: requests to contacts go first.
            await self.client.budget.room(_CHECK_SIZE, 2 * RESERVE)
        return await self._server_check.findings()

    def query_external_address(self) -> Deferred[ServerView]:
        """Ask the server for our external address; empty without a session."""
        return Deferred.fromCoroutine(self._external_address.query())

    def _blocked_changed(self, jids: frozenset[str]) -> None:
        self._roster.blocked_changed(jids)

    def _publish_event(self, event: MessengerEvent) -> None:
        self.events.notify(event)
        match event:
            case PresenceChanged():
                self._presence_changed(event)
            case ContactChanged(contact=contact):
                self._trust_changed(contact.jid)
            case ContactRemoved(jid=jid):
                self._trust_changed(jid)
            case PresenceRepeated(jid=jid, resource=resource):
                self._restricted_reader.refresh(jid, resource)
            case RosterRead(trusted=trusted):
                self._trusted = set(trusted)

    def _presence_changed(self, event: PresenceChanged) -> None:
        if not event.online:
            for extension in self._extensions:
                extension.contact_left(event.jid, event.resource)
        if event.jid == self.own_jid:
            self._pep.check_own_node()
        elif event.online:
            # The server sends only the last item of the node, which is one device's.
            self._pep.read(event.jid)

    def _trust_changed(self, jid: str) -> None:
        """Read the node of a contact that is trusted again, whether it is online or not."""
        if not self.trusts(jid):
            self._trusted.discard(jid)
            self._list_reader.drop(jid)
            self._restricted_reader.drop(jid)
        elif jid not in self._trusted:
            self._trusted.add(jid)
            self._pep.read(jid)

    def _connection_changed(self, status: ConnectionStatus) -> None:
        before, self._in_session = self._in_session, self.client.in_session
        begins = self._in_session and not before
        if begins:
            self._statements.begin(self.own_jid, str(self.client.jid.resource))
        self.events.notify(ConnectionChanged(status=status))
        if begins:
            self._pep.begin()

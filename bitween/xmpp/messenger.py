"""The XMPP side as the application sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from wokkel.generic import FallbackHandler, VersionHandler
from wokkel.ping import PingHandler

from bitween import __version__
from bitween.errors import LogInRefused
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
    RosterRead,
)
from bitween.model.nat import ServerView
from bitween.model.share_list import ListMemory
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable
from bitween.util.token_bucket import RESERVE
from bitween.xmpp.extensions.adhoc import AdHoc
from bitween.xmpp.extensions.caps import Caps
from bitween.xmpp.extensions.external_address import ExternalAddressQuery
from bitween.xmpp.extensions.messages import MessageRefusal
from bitween.xmpp.extensions.peer_requests import DialsBack, Meets, PeerRequests, Proves
from bitween.xmpp.extensions.ping import Pinger
from bitween.xmpp.extensions.server_check import ServerCheck
from bitween.xmpp.roster.blocklist import BlockList
from bitween.xmpp.roster.roster import Roster, SubscriptionPolicy
from bitween.xmpp.session.client import Account, Client
from bitween.xmpp.shares.list_reader import ListReader
from bitween.xmpp.shares.list_server import ListServer
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import NoMemory, PublishedList
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.streams import IN_BAND_LIMIT, Streams

# bytes of what the server is asked for a diagnosis.
_SURVEY_SIZE = 2000


class Messenger:
    """
    Speaks XMPP: implements the application's port of this name.

    :ivar client: the service to start and stop.
    :ivar events: what comes from the server and the contacts.
    :ivar streams: makes streams of bytes to contacts, and takes theirs.
    """

    def __init__(
        self,
        reactor: Any,
        account: Account,
        fatal: Callable[[LogInRefused], None],
        *,
        priority: int = DEFAULT_PRIORITY,
        manners: SubscriptionPolicy | None = None,
        memory: ListMemory | None = None,
        in_band_limit: int = IN_BAND_LIMIT,
        is_at_home: Callable[[PeerAddress], bool] = lambda _: False,
        **options: Any,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param fatal: called if the first log-in is refused for good.
        :param priority: of our presence, below 0.
        :param manners: how we meet those who are no contacts yet.
        :param memory: keeps our share list; without it contacts read all of it after each start.
        :param in_band_limit: bytes of the largest torrent that goes within the XMPP stream, where
            no server relays; 0 for none.
        :param is_at_home: whether a public address is in a network of ours.
        :param options: further ones of :class:`bitween.xmpp.session.client.Client`.
        :raises InvalidValue: if the account's JID is none.
        :raises ConfigurationError: if the account's ``ca_pem`` holds no certificate.
        """
        self.events: Observable[MessengerEvent] = Observable()
        self.client = Client(reactor, account, fatal, **options)
        self._block_list = BlockList(self._blocked_changed)
        self._contacts = Roster(
            *(reactor, self._happened, manners, self._block_list), priority=priority
        )
        self.client.answer_only(self._contacts.knows_of_us)
        budget, contacts = self.client.budget, self._contacts
        own = PublishedList(memory or NoMemory())
        self._pep = Pep(reactor, budget, contacts.trusts, self._happened, own)
        self._list_server = ListServer(reactor, budget, own.shares, contacts.sees_us)
        self._list_reader = ListReader(reactor, budget, contacts.follows, self._happened)
        self._encounters = PeerRequests(reactor, budget, contacts.meets)
        proxies = Proxies(reactor, is_at_home)
        self.streams = Streams(reactor, budget, proxies, contacts.meets, in_band_limit)
        self._survey = ServerCheck(proxies)
        self._vantage_point = ExternalAddressQuery()
        self._adhoc = AdHoc(reactor)
        self._pinger = Pinger()
        for handler in (
            *(self._vantage_point, self._survey, contacts, self._block_list, self._pep),
            *(self._list_server, self._list_reader, self._encounters),
            *(proxies, self.streams),
            *(self._adhoc, Caps(), VersionHandler("bitween", __version__), PingHandler()),
            *(self._pinger, MessageRefusal(reactor, contacts.knows_of_us), FallbackHandler()),
        ):
            handler.setHandlerParent(self.client)
        self._in_session = False
        self._trusted: set[str] = set()
        self.client.changes.subscribe(self._connection_changed)

    @property
    def status(self) -> ConnectionStatus:
        """Where the connection stands."""
        return self.client.status

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster and those who ask to be in it, sorted by JID."""
        return self._contacts.contacts

    @property
    def blocked(self) -> Sequence[str]:
        """The bare JIDs and domains that the server keeps away from us, sorted."""
        return self._block_list.blocked

    @property
    def own_jid(self) -> str:
        """Our bare JID."""
        return str(self.client.jid.userhost())

    def trusts(self, jid: str) -> bool:
        """Whether this bare JID's word counts: a contact whom we follow, or ourselves."""
        return self._contacts.trusts(jid)

    def announce(self, shares: Sequence[Share], candidates: Sequence[Candidate]) -> None:
        """
        Have contacts told this, soon; now or as soon as there is a connection.

        :param shares: oldest first.
        :param candidates: where we are, best first.
        """
        self._pep.announce(shares, candidates)

    def offer_commands(self, commands: Sequence[Command]) -> None:
        """Let our account's other devices run these (XEP-0050)."""
        self._adhoc.offer(commands)

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what is not known of a resource's share list, if it is there.

        :param revision: the one that is known, 0 for nothing.
        """
        self._list_reader.read(jid, resource, list_id, revision)

    def meets(self, jid: str, resource: str) -> bool:
        """Whether a resource is there now, and we and it see each other's presence."""
        return self._contacts.meets(jid, resource)

    def serve(
        self,
        *,
        dials_back: DialsBack | None = None,
        meets: Meets | None = None,
        proves: Proves | None = None,
    ) -> None:
        """Do what contacts ask for from now on; what is left out stays as it was."""
        self._encounters.serve(dials_back=dials_back, meets=meets, proves=proves)

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """Ask a resource to dial us at some of our addresses."""
        return self._encounters.dial_back(jid, resource, addresses)

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Ask a resource to dial us for a torrent now; gives where it is to be dialled."""
        return self._encounters.request_connection(jid, resource, info_hash, candidates)

    def prove(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """Ask a resource to send a token into the networks that it may share with us."""
        return self._encounters.prove(jid, resource, token)

    def reconnect(self) -> None:
        """Try to connect at once, or see whether the connection still holds."""
        self.client.look_alive()
        self.client.reconnect()

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """Find out whether a resource answers, though its presence says that it is there."""
        return Deferred.fromCoroutine(self._pinger.ping(jid, resource))

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Ask to see a contact's presence, and let the request that answers ours in."""
        return Deferred.fromCoroutine(self._contacts.add(jid, nick))

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Accept a pending request, and ask back."""
        return Deferred.fromCoroutine(self._contacts.accept(jid))

    def remove_contact(self, jid: str) -> Deferred[None]:
        """End both subscriptions, or refuse a pending request."""
        return Deferred.fromCoroutine(self._contacts.remove(jid))

    def retract(self, resource: str) -> Deferred[None]:
        """Take back what another device of our account announced."""
        return self._pep.retract(resource)

    def block(self, jid: str) -> Deferred[None]:
        """Have the server keep somebody away from us."""
        return Deferred.fromCoroutine(self._block_list.block(jid))

    def unblock(self, jid: str) -> Deferred[None]:
        """Let somebody reach us again."""
        return Deferred.fromCoroutine(self._block_list.unblock(jid))

    def survey(self) -> Deferred[Sequence[Finding]]:
        """Look at what the server offers; without a session nothing is found."""
        return Deferred.fromCoroutine(self._surveyed())

    async def _surveyed(self) -> Sequence[Finding]:
        if self.client.online:
            # A client may ask for it without end: what we ask contacts goes first.
            await self.client.budget.room(_SURVEY_SIZE, 2 * RESERVE)
        return await self._survey.findings()

    def query_external_address(self) -> Deferred[ServerView]:
        """Ask the server how others see us; without a session nothing is known."""
        return Deferred.fromCoroutine(self._vantage_point.look())

    def _blocked_changed(self, jids: frozenset[str]) -> None:
        self._contacts.blocked_changed(jids)

    def _happened(self, event: MessengerEvent) -> None:
        self.events.notify(event)
        match event:
            case PresenceChanged():
                self._presence_changed(event)
            case ContactChanged(contact=contact):
                self._trust_changed(contact.jid)
            case ContactRemoved(jid=jid):
                self._trust_changed(jid)
            case RosterRead(trusted=trusted):
                self._trusted = set(trusted)

    def _presence_changed(self, event: PresenceChanged) -> None:
        if not event.online:
            # It may come back as another one, with another list.
            self._list_reader.drop(event.jid, event.resource)
            self._encounters.drop(event.jid, event.resource)
        if event.jid == self.own_jid:
            self._pep.check_own_node()
        elif event.online:
            # The server has sent only the last item of the node, which is one resource's.
            self._pep.read(event.jid)

    def _trust_changed(self, jid: str) -> None:
        """Read what was forgotten of a contact whose word counts again, there or not."""
        if not self.trusts(jid):
            self._trusted.discard(jid)
            self._list_reader.drop(jid)
        elif jid not in self._trusted:
            self._trusted.add(jid)
            self._pep.read(jid)

    def _connection_changed(self, status: ConnectionStatus) -> None:
        before, self._in_session = self._in_session, self.client.in_session
        self.events.notify(ConnectionChanged(status=status))
        if self._in_session and not before:
            self._pep.begin()

"""The real stream, the real handlers and the real use cases, without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.words.protocols.jabber.jid import JID

from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.devices import DeviceTrust
from bitween.chat import ChatCommands
from bitween.errors import XMPPError
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.diagnosis import Finding
from bitween.model.dial_back import DialBack
from bitween.model.events import MessengerEvent, PresenceChanged
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable
from bitween.xmpp.extensions.access_requests import AccessRequests, AccessService
from bitween.xmpp.extensions.adhoc import AdHoc
from bitween.xmpp.extensions.caps import Caps
from bitween.xmpp.extensions.device_keys import DeviceKeys
from bitween.xmpp.extensions.peer_request_server import PeerRequestServer, PeerServices
from bitween.xmpp.extensions.peer_requests import PeerRequests
from bitween.xmpp.extensions.ping import Pinger
from bitween.xmpp.extensions.wants import Wants
from bitween.xmpp.roster.presence import OwnPresence
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.session.stream import Stream
from bitween.xmpp.shares.announcement_signature import AnnouncementSignatures
from bitween.xmpp.shares.item_codec import OwnPlaces
from bitween.xmpp.shares.list_reader import ListReader
from bitween.xmpp.shares.list_server import ListServer
from bitween.xmpp.shares.page_queue import PageQueue
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.restricted_reader import RestrictedListReader
from bitween.xmpp.shares.restricted_server import RestrictedListServer, SharesFor
from bitween.xmpp.statements import Statements
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.streams import Streams
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.lists import Memory, listed, numbered
from tests.support.fakes.ports import ports_around
from tests.support.fakes.resolver import Resolver
from tests.support.pages import UnsealedPages

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip
from wokkel.subprotocols import StreamManager  # isort: skip

ME = "alice@localhost/here"


class Transport:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.disconnecting = False

    def write(self, data: bytes) -> None:
        """Keep the last ones."""
        self.sent.append(data)
        del self.sent[:-100]

    def loseConnection(self) -> None:
        """Note it."""
        self.disconnecting = True

    abortConnection = loseConnection


class _Authenticator:
    """Stands for a log-in that is over."""

    jid = JID(ME)

    def associateWithStream(self, xs: Any) -> None:
        """Do nothing."""

    def connectionMade(self) -> None:
        """Do nothing."""

    def streamStarted(self, root: Any) -> None:
        """Do nothing."""


class _Factory:
    """Holds what a stream manager wants of one."""

    def addBootstrap(self, *_: object) -> None:
        """Do nothing."""


class Rig(StreamManager):
    """
    The real stream, handlers and use cases, with a transport that goes nowhere.

    For the use cases it is the messenger.
    """

    def __init__(self, directory: str) -> None:
        self.clock: Any = MemoryReactorClock()
        self.clock.nameResolver = Resolver({"localhost": "127.0.0.1"})
        super().__init__(_Factory(), self.clock)
        self.jid = JID(ME)
        self.online = self.in_session = False
        self.status = ConnectionStatus(ME, ConnectionState.ONLINE, 0.0)
        self.own_jid = "alice@localhost"
        self.events: Observable[MessengerEvent] = Observable()
        self.budget = send_budget(self.clock)
        caps = Caps()
        self.own = own = PublishedList(Memory(listed(numbered(200))))
        self.roster = Roster(self.clock, self._happened, OwnPresence(caps))
        devices = DeviceTrust()
        statements = Statements(devices=devices)
        statements.begin(self.own_jid, "here")
        signatures = AnnouncementSignatures(statements)
        self.pep = Pep(
            self.clock,
            self.budget,
            self.roster.trusts,
            self._happened,
            own,
            signer=signatures,
            check=signatures.counts,
        )
        queue = PageQueue(self.clock, self.budget)
        server = ListServer(queue, own.shares, self.roster.sees_us)
        self._serve_restricted_lists(queue)
        self.reader = ListReader(self.clock, self.budget, self.roster.follows, self._happened)
        requests = PeerRequests(self.budget, self.roster.is_mutual, statements)
        request_server = PeerRequestServer(self.clock, self.roster.is_mutual, statements)
        keys = DeviceKeys(self.clock, self.budget, statements, self.roster.is_mutual)
        wants = Wants(self.clock, self.budget, self.roster.is_mutual, statements)
        proxies = Proxies(self.clock)
        streams = Streams(self.clock, self.budget, proxies, self.roster.is_mutual)
        streams.accept(lambda stream: stream.abort())
        handlers = (
            self.roster,
            self.pep,
            server,
            self.reader,
            self.private_server,
            self.private_reader,
            self.access_requests,
            requests,
            request_server,
            keys,
            wants,
            proxies,
            streams,
        )
        adhoc = AdHoc(self.clock)
        for handler in (*handlers, adhoc, caps, Pinger(), FallbackHandler()):
            handler.setHandlerParent(self)
        self.cache = FakeCache()
        ports = ports_around(self, self.clock, self.cache, lambda: ["10.9.9.9"])
        options = ApplicationOptions(directory)
        self.bitween = Bitween(ports, options, self.clock, lambda: None, devices=devices)
        self.access_requests.serve(lambda *_: None)
        self.private_server.serve(lambda _: numbered(30, "private"))
        adhoc.offer(ChatCommands(self.bitween).all)
        request_server.serve(
            PeerServices(
                dial_back=lambda _, __, tested: succeed(DialBack(dict.fromkeys(tested, True))),
                connect=lambda *_: (),
            )
        )
        wants.serve(lambda *_: succeed(None), lambda *_: None, lambda *_: None)
        self.transport = Transport()
        self.stream = Stream(
            *(_Authenticator(), self.clock, self.budget, Stream.end),
            knows=lambda _: True,
            answers=lambda *_: True,
            log_traffic=False,
        )
        self.stream.transport = self.transport
        self.stream.features = {}
        self.stream.connectionMade()
        self._connected(self.stream)
        self.feed("<stream:stream xmlns='jabber:client' xmlns:stream='x' version='1.0'>")
        self._authd(self.stream)
        self.stream.release()

    def _serve_restricted_lists(self, queue: PageQueue) -> None:
        pages = UnsealedPages()
        self.private_server = RestrictedListServer(
            self.clock, self.budget, queue, self.roster.sees_us, pages
        )
        self.private_reader = RestrictedListReader(
            self.clock, self.budget, self.roster.follows, self._happened, pages
        )
        self.access_requests = AccessRequests(self.clock, self.roster.is_mutual)

    def feed(self, text: str) -> None:
        """Let bytes come in, as from the reactor."""
        self.stream.dataReceived(text.encode())
        self.cache.noted.clear()

    @property
    def roster_requests(self) -> list[str]:
        """The ids of wokkel's requests that wait for an answer: those for the roster."""
        return list(self._iqDeferreds)

    def open_requests(self) -> list[str]:
        """The ids of our last requests that wait for an answer; a thief could not know them."""
        return [*self._iqDeferreds, *getattr(self.stream, "iqDeferreds", ())][-6:]

    def session_is_ready(self) -> None:
        """The roster is here."""
        self.online = self.in_session = True
        self.pep.announce(numbered(200), OwnPlaces())
        self.pep.begin()

    def give_up_session(self, error: XMPPError) -> None:
        """Go on all the same."""

    def request(self, request: Any) -> Any:
        """Send a request."""
        request.timeout = 30
        return super().request(request)

    def vouch(self) -> None:
        """Do nothing."""

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster."""
        return self.roster.contacts

    def trusts(self, jid: str) -> bool:
        """Whether a JID is trusted."""
        return self.roster.trusts(jid)

    def announce(
        self,
        shares: Sequence[Share],
        candidates: Sequence[Candidate],
        plain: Sequence[PeerAddress] = (),
    ) -> None:
        """Do nothing: what is announced stays."""

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """Read a list."""
        self.reader.read(jid, resource, list_id, revision)

    def read_private(self, jid: str, resource: str) -> None:
        """Read a list that is for us alone."""
        self.private_reader.read_private(jid, resource)

    def serve_lists(self, shares_for: SharesFor) -> None:
        """Serve lists that are for one reader each."""
        self.private_server.serve(shares_for)

    def lists_changed(self, jids: Iterable[str] | None = None) -> None:
        """Tell readers of changes."""
        self.private_server.update(jids)

    def serve_access_requests(self, service: AccessService) -> None:
        """Take the requests of others."""
        self.access_requests.serve(service)

    def ask_access(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        """Nobody asks for this."""
        raise NotImplementedError

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Nobody asks for this."""
        raise NotImplementedError

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Nobody asks for this."""
        raise NotImplementedError

    def remove_contact(self, jid: str) -> Deferred[None]:
        """Nobody asks for this."""
        raise NotImplementedError

    def check_server(self) -> Deferred[Sequence[Finding]]:
        """Nobody asks for this."""
        raise NotImplementedError

    def _happened(self, event: MessengerEvent) -> None:
        self.events.notify(event)
        if isinstance(event, PresenceChanged) and event.online:
            self.pep.read(event.jid)
        elif isinstance(event, PresenceChanged):
            for reader in (self.reader, self.private_reader):
                reader.contact_left(event.jid, event.resource)
            self.private_server.contact_left(event.jid, event.resource)

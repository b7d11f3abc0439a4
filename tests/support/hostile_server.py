"""An XMPP server in memory that two devices trust to deliver, and that does what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.words.protocols.jabber.jid import JID

from bitween.app.devices import DeviceTrust
from bitween.crypto.device_key import DeviceKey
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.events import ItemPublished, MessengerEvent
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash
from bitween.xmpp.extensions.device_keys import DeviceKeys
from bitween.xmpp.extensions.peer_request_server import PeerRequestServer, PeerServices
from bitween.xmpp.extensions.peer_requests import PeerRequests
from bitween.xmpp.extensions.wants import Wants
from bitween.xmpp.namespaces import (
    NS_DISCO_INFO,
    NS_PEER_REQUESTS,
    NS_PUBSUB,
    NS_PUBSUB_EVENT,
    NS_SHARES,
)
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.shares.announcement_signature import AnnouncementSignatures
from bitween.xmpp.shares.item_codec import OwnPlaces
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.sealed_page import SealedPages
from bitween.xmpp.statements import Statements
from tests.support.fakes.lists import Memory
from tests.support.fakes.memory import FakeMemory
from tests.support.handler_case import Manager, xml

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip

#: Where a time begins that tests can count from, in seconds since the epoch.
BEGIN = 1_796_049_906


class Party:
    """
    A device with the handlers that state and check things.

    :ivar devices: whom it trusts.
    :ivar met: the connect requests that reached it.
    :ivar wanted: the wants that reached it.
    :ivar ended: each ``done`` that reached it, and whether the sender seeds.
    :ivar introduced: the introductions that it accepted, and for how many seconds they count.
    :ivar granting: what a want waits for; nothing by default.
    """

    def __init__(self, clock: Clock, jid: str, memory: FakeMemory | None = None) -> None:
        self.jid, _, self.resource = jid.partition("/")
        self.clock = clock
        self.memory = memory or FakeMemory()
        self.devices = DeviceTrust(self.memory, clock=self.now)
        self.key = DeviceKey(DeviceKey.new_secret())
        self.statements = Statements(self.key, self.devices, clock=self.now)
        self.statements.begin(self.jid, self.resource)
        self.events: list[MessengerEvent] = []
        self.met: list[tuple[str, Sequence[Candidate]]] = []
        self.wanted: list[tuple[str, str, InfoHash]] = []
        self.ended: list[tuple[str, str, InfoHash, bool]] = []
        self.introduced: list[tuple[str, Introduction, float]] = []
        self.granting: Callable[[], Deferred[None]] = lambda: succeed(None)
        self.manager = Manager(clock)
        self.manager.jid = JID(jid)
        budget = send_budget(clock)
        self.roster = Roster(clock, self.events.append, self.manager.presence)
        signatures = AnnouncementSignatures(self.statements)
        self.pep = Pep(
            clock,
            budget,
            self.roster.trusts,
            self.events.append,
            PublishedList(Memory()),
            signer=signatures,
            check=signatures.counts,
        )
        is_mutual = self.roster.is_mutual
        self.keys = DeviceKeys(clock, budget, self.statements, is_mutual)
        self.pages = SealedPages(self.statements, self.keys)
        self.requests = PeerRequests(budget, is_mutual, self.statements)
        server = PeerRequestServer(clock, is_mutual, self.statements)
        server.serve(PeerServices(connect=self._connect))
        self.wants = Wants(clock, budget, is_mutual, self.statements)
        self.wants.serve(self._want, lambda *ended: self.ended.append(ended), self._introduce)
        handlers = (self.roster, self.pep, self.keys, self.requests, server, self.wants)
        for handler in (*handlers, FallbackHandler()):
            handler.setHandlerParent(self.manager)

    def now(self) -> float:
        """Seconds since the epoch."""
        return BEGIN + self.clock.seconds()

    def take(self, text: str) -> None:
        """Let a stanza come in."""
        self.manager.stub.send(xml(text))

    def published(self) -> list[str]:
        """The names of the shares in the announcements that it took, oldest first."""
        return [
            share.name
            for event in self.events
            if isinstance(event, ItemPublished)
            for announcement in event.announcements
            for share in announcement.shares.values()
        ]

    def _connect(
        self, jid: str, _: str, __: InfoHash, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        self.met.append((jid, candidates))
        return candidates

    def _want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        self.wanted.append((jid, resource, info_hash))
        return self.granting()

    def _introduce(self, jid: str, _: str, introduction: Introduction, seconds: float) -> None:
        self.introduced.append((jid, introduction, seconds))


class HostileServer:
    """
    Delivers between the parties, in the order in which they send.

    :ivar tamper: gets the text of each stanza that is delivered, and returns those to deliver.
    :ivar seen: all that went through it.
    :ivar nodes: what it answers to those who read the node of an account: items, by bare JID.
    """

    def __init__(self, *parties: Party) -> None:
        self.parties = {f"{party.jid}/{party.resource}": party for party in parties}
        self.tamper: Callable[[str], list[str]] = lambda text: [text]
        self.seen: list[str] = []
        self.nodes: dict[str, str] = {}
        contacts = "".join(f"<item jid='{p.jid}' subscription='both'/>" for p in parties)
        for party in parties:
            if not party.manager.stub.output:
                continue  # it has its roster already
            request = party.manager.stub.output[-1]
            party.take(
                f"<iq type='result' id='{request['id']}'>"
                f"<query xmlns='jabber:iq:roster'>{contacts}</query></iq>"
            )
        for party in parties:
            for other in self.parties:
                party.take(f"<presence from='{other}'/>")
            party.pep.begin()
        self.deliver()

    def share(self, party: Party, name: str) -> None:
        """Have a party announce one share, and deliver that."""
        share = Share(InfoHash("ab" * 20), name, 1)
        party.pep.announce([share], OwnPlaces())
        self.deliver()

    def deliver(self) -> None:
        """Deliver until nobody sends anything."""
        for _ in range(50):
            for full, party in self.parties.items():
                party.clock.advance(0.1)
                stanzas = list(party.manager.stub.output)
                party.manager.stub.output.clear()
                for stanza in stanzas:
                    self._route(full, party, stanza)

    def inject(self, to: Party, text: str) -> None:
        """Deliver a stanza of the server's own making."""
        to.take(text)

    def event(self, sender: Party, item: str) -> str:
        """A notification of an item."""
        return (
            f"<message from='{sender.jid}'><event xmlns='{NS_PUBSUB_EVENT}'>"
            f"<items node='{NS_SHARES}'>{item}</items></event></message>"
        )

    def _route(self, full: str, party: Party, stanza: Any) -> None:
        to = stanza.getAttribute("to", "")
        if stanza.query is not None and stanza.query.uri == NS_DISCO_INFO:
            feature = f"<feature var='{NS_PEER_REQUESTS}'/>"
            answer = f"<query xmlns='{NS_DISCO_INFO}'>{feature}</query>"
            party.take(f"<iq type='result' id='{stanza['id']}' from='{to}'>{answer}</iq>")
        elif to in self.parties:
            stanza["from"] = full
            for text in self._through(stanza.toXml()):
                self.parties[to].take(text)
        elif stanza.name == "iq" and stanza["type"] in {"get", "set"}:
            self._publish(party, stanza)
            sender = f" from='{to}'" if to else ""
            node = self.nodes.get(to, "").replace(NS_PUBSUB_EVENT, NS_PUBSUB)
            items = f"<items node='{NS_SHARES}'>{node}</items>"
            content = f"<pubsub xmlns='{NS_PUBSUB}'>{items}</pubsub>"
            party.take(f"<iq type='result' id='{stanza['id']}'{sender}>{content}</iq>")

    def _publish(self, party: Party, stanza: Any) -> None:
        for pubsub in stanza.elements(NS_PUBSUB, "pubsub"):
            for publish in pubsub.elements(NS_PUBSUB, "publish"):
                (item,) = publish.elements(NS_PUBSUB, "item")
                item.uri = item.defaultUri = NS_PUBSUB_EVENT
                text = self.event(party, item.toXml())
                for other in self.parties.values():
                    if other is not party:
                        for changed in self._through(text):
                            other.take(changed)

    def _through(self, text: str) -> list[str]:
        self.seen.append(text)
        return self.tamper(text)

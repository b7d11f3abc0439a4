"""Two plain wokkel clients: what a PEP round trip costs with nothing around it."""

from __future__ import annotations

from typing import Any

# First of all: it mends what wokkel needs mended.
import bitween.xmpp  # noqa: F401  # isort: skip
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.words.protocols.jabber.client import XMPPClientFactory
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish import domish
from wokkel.client import XMPPClient
from wokkel.pubsub import PubSubClient
from wokkel.subprotocols import StreamManager
from wokkel.xmppim import PresenceProtocol

from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.share_list import ShareList
from bitween.model.torrent import InfoHash
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.extensions.caps import Caps
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.session.tls import connection_options
from bitween.xmpp.shares.item_codec import OwnPlaces, whole_item


class _Presence(PresenceProtocol):
    """Shows what it can do, lets everybody in, and tells when it first sees another."""

    def __init__(self, caps: Caps) -> None:
        super().__init__()
        self._caps = caps
        self.online: Deferred[None] = Deferred()
        self.seen: Deferred[None] = Deferred()

    def connectionInitialized(self) -> None:
        super().connectionInitialized()
        presence = domish.Element((None, "presence"))
        presence.addChild(self._caps.element())
        self.send(presence)
        self.online.callback(None)

    def subscribeReceived(self, presence: Any) -> None:
        self.subscribed(presence.sender.userhostJID())

    def availableReceived(self, presence: Any) -> None:
        other = presence.sender.userhostJID() != self.parent.jid.userhostJID()
        if other and not self.seen.called:
            self.seen.callback(None)


class _Items(Extension, PubSubClient):
    """Tells when the next event comes."""

    features = frozenset({f"{NS_SHARES}+notify"})

    arrived: Deferred[float]

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()
        self._clock = clock
        self.arrived = Deferred()

    def itemsReceived(self, event: Any) -> None:  # noqa: ARG002  # as wokkel calls it
        arrived, self.arrived = self.arrived, Deferred()
        arrived.callback(self._clock.seconds())


class Client:
    """
    One client, with no more than a round trip needs.

    :ivar service: to be started.
    """

    def __init__(self, clock: IReactorTime, prosody: PrivateProsody, user: str) -> None:
        self.jid = JID(prosody.add_account(user, "secret"))
        with open(prosody.ca_file, "rb") as file:
            options = connection_options(prosody.domain, file.read())
        self.service = XMPPClient(self.jid, "secret", prosody.host, prosody.port)
        factory = XMPPClientFactory(self.jid, "secret", configurationForTLS=options)
        StreamManager.__init__(self.service, factory)
        caps = Caps()
        self.presence = _Presence(caps)
        self.items = _Items(clock)
        for handler in (self.presence, self.items, caps):
            handler.setHandlerParent(self.service)


class BarePEP(MultiService):
    """One client that publishes, and one that is told."""

    def __init__(self, clock: IReactorTime, prosody: PrivateProsody) -> None:
        super().__init__()
        self._clock = clock
        self._publisher = Client(clock, prosody, "publisher")
        self._watcher = Client(clock, prosody, "watcher")
        self._publisher.service.setServiceParent(self)
        self._watcher.service.setServiceParent(self)
        self._rounds = 0

    async def prepare(self) -> None:
        """Wait until both are online and see each other, without which the server tells nothing."""
        await self._publisher.presence.online
        await self._watcher.presence.online
        for one, other in ((self._watcher, self._publisher), (self._publisher, self._watcher)):
            one.presence.subscribe(other.jid)
            await one.presence.seen
        await self.round_trip()

    async def round_trip(self) -> float:
        """
        Publish an announcement of one share, and wait for the event at the other client.

        :returns: seconds.
        """
        self._rounds += 1
        share = Share(InfoHash(f"{self._rounds:040x}"), f"round {self._rounds}.txt", 1000)
        shares = ShareList("bare")
        shares.update([share])
        item = whole_item("bare", shares, OwnPlaces((Candidate(PeerAddress("127.0.0.1", 6881)),)))
        arrived = self._watcher.items.arrived
        began = self._clock.seconds()
        published = self._publisher.items.publish(self._publisher.jid, NS_SHARES, [item])
        ended = await arrived
        await published
        return ended - began

"""
Share announcements through personal eventing (PEP, XEP-0163).

Every account has one node of the name ``NS_SHARES``, in which each of its devices keeps one item.
Announcements come in three ways:

- as events, when a contact publishes (``+notify`` in our features subscribes us);
- when we read a contact's node: on the presence of one of its devices, since the server sends a
  subscriber only the last item of the node;
- when we read our own node, for the items of our other devices.

Only announcements of trusted bare JIDs count: of contacts whose presence we are subscribed to, and
of our own account.  :class:`bitween.xmpp.shares.own_node.OwnNode` keeps our node;
:class:`bitween.xmpp.messenger.Messenger` passes the events on to the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from wokkel.pubsub import PubSubClient

from bitween.errors import BitweenError
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.model.events import ItemPublished, ItemRetracted, ItemsRead, MessengerEvent
from bitween.model.text import printable
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import MAX_RESOURCE, split
from bitween.xmpp.namespaces import NS_PUBSUB_EVENT, NS_SHARES
from bitween.xmpp.shares.device_codec import AnnouncementSigner, signed_content
from bitween.xmpp.shares.item_codec import OwnPlaces, parse_item, payload_of
from bitween.xmpp.shares.node_reader import NodeReader
from bitween.xmpp.shares.own_node import OwnNode
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.pubsub_node import PubSubNode

#: Called with a bare JID, what one of its devices announces, and the content that it should have
#: signed (:func:`bitween.xmpp.shares.device_codec.signed_content`); returns whether that counts.
CheckAnnouncement = Callable[[str, Announcement, object], bool]

# Lines that the log has once; strangers could fill it otherwise.
_MAX_LOGGED = 1000


class Pep(Extension, PubSubClient):
    """
    Publishes our item; receives and reads the items of others.

    :ivar refused: events of senders that are not trusted.
    :ivar dropped: malformed or excessive entries in what others publish.
    :ivar forged: announcements whose signature is wrong, or that are older than one before.
    """

    #: With ``+notify`` the server sends us what contacts publish (XEP-0163 §4).
    features = frozenset({f"{NS_SHARES}+notify"})

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        trusts: Callable[[str], bool],
        notify: Callable[[MessengerEvent], None],
        own: PublishedList,
        *,
        signer: AnnouncementSigner | None = None,
        check: CheckAnnouncement = lambda *_: True,
    ) -> None:
        """
        :param budget: publishing and reading wait until it has room.
        :param trusts: whether announcements of a bare JID count.
        :param notify: gets ``ItemsRead``, ``ItemPublished`` and ``ItemRetracted``, of trusted
            accounts only.
        :param own: our share list.
        :param signer: signs our item; ``None`` to leave it unsigned.
        :param check: whether an announcement counts, signed or not.
        """
        super().__init__()
        self._trusts = trusts
        self._notify = notify
        self._check = check
        self._own_node = OwnNode(self, clock, budget, own, self._own_items_read, signer=signer)
        self._reader = NodeReader(clock, budget, self._read)
        self._logged: set[str] = set()
        self.refused = 0
        self.dropped = 0
        self.forged = 0

    def begin(self) -> None:
        """Begin to publish: the session is ready for it."""
        self._own_node.begin()

    def connectionLost(self, reason: Any) -> None:
        """Stop: the session is over."""
        super().connectionLost(reason)
        self._own_node.end()
        self._reader.stop()

    def announce(self, shares: Sequence[Share], places: OwnPlaces) -> None:
        """
        Publish this, now or when there is a session.

        :param shares: oldest first.
        """
        self._own_node.announce(shares, places)

    def retract(self, item_id: str) -> Deferred[None]:
        """
        Retract the item of another device of our account.

        :param item_id: the resource of that device.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """
        return self._own_node.retract(item_id)

    def check_own_node(self) -> None:
        """Check our node soon: another device of our account has come or gone."""
        self._own_node.check_soon()

    def read(self, jid: str) -> None:
        """Read all items of a bare JID soon."""
        self._reader.request(jid)

    async def _read(self, jid: str) -> None:
        service = "" if jid == self._own_bare else jid
        try:
            items = await PubSubNode(self, service, NS_SHARES).read(MAX_RESOURCES)
        except BitweenError as error:
            self._log.debug("{jid} could not be read: {error}", jid=printable(jid), error=error)
            return
        if self._trusts(jid):
            self._items_read(jid, items)

    def _own_items_read(self, items: Iterable[Element]) -> None:
        self._items_read(self._own_bare, items)

    def _items_read(self, jid: str, items: Iterable[Element]) -> None:
        parsed = {
            item_id: self._parse(jid, item)
            for item in items
            if (item_id := self._item_id(jid, item)) is not None
        }
        read = {item_id: held for item_id, held in parsed.items() if held is not None}
        self._notify(ItemsRead(jid=jid, items=read, refused=frozenset(parsed.keys() - read.keys())))

    def _onEvent(self, message: Element) -> None:
        """
        Take the event of a trusted account.

        wokkel's own method accepts events of any sender, and fails on malformed ones.
        """
        message.handled = True
        jid, resource = split(message.getAttribute("from"))
        if message.getAttribute("type") == "error":
            return
        if resource or not self._trusts(jid):
            # An account's events come from its bare JID (XEP-0163 §4.3).  Trust is checked here and
            # nowhere else: MessengerPort.events promises it to all subscribers.
            self.refused += 1
            self._log_once(f"refused an event of {printable(jid) or 'no sender'}: no contact")
            return
        for event in message.elements(NS_PUBSUB_EVENT, "event"):
            for action in event.elements():
                if action.uri == NS_PUBSUB_EVENT and action.getAttribute("node") == NS_SHARES:
                    self._take_action(jid, action)

    def _take_action(self, jid: str, action: Element) -> None:
        own = jid == self._own_bare
        if action.name in {"delete", "purge"}:
            self._notify(ItemsRead(jid=jid, items={}))
            if own:
                self._own_node.node_changed()
        elif action.name == "configuration" and own:
            self._own_node.node_changed()
        elif action.name == "items":
            for item in action.elements():
                if item.uri == NS_PUBSUB_EVENT:
                    self._take_item(jid, item)

    def _take_item(self, jid: str, item: Element) -> None:
        item_id = self._item_id(jid, item)
        if item_id is None:
            if jid == self._own_bare and item.getAttribute("id") == self._own_resource:
                self._own_node.item_changed(item)
        elif item.name == "retract":
            self._notify(ItemRetracted(jid=jid, item_id=item_id))
        elif item.name == "item" and payload_of(item) is None:
            # A node may be configured to send events without payloads.
            self.read(jid)
        elif item.name == "item":
            announcements = self._parse(jid, item)
            if announcements is not None:
                self._notify(ItemPublished(jid=jid, item_id=item_id, announcements=announcements))

    def _item_id(self, jid: str, item: Element) -> str | None:
        """Return the id of an item; ``None`` if it is our own item, or not a possible id."""
        item_id = str(item.getAttribute("id", ""))
        own = jid == self._own_bare and item_id == self._own_resource
        return None if own or not item_id or len(item_id) > MAX_RESOURCE else item_id

    def _parse(self, jid: str, item: Element) -> tuple[Announcement, ...] | None:
        """Read an item; ``None`` if it is forged or replayed, so that it must change nothing."""
        parsed = parse_item(item)
        if parsed.dropped:
            self.dropped += parsed.dropped
            self._log_once(f"dropped malformed or excessive entries of {printable(jid)}")
        # Another device's item does not say what this one shares.
        own = self._own_resource if jid == self._own_bare else None
        of_others = [a for a in parsed.announcements if a.resource != own]
        counting = tuple(a for a in of_others if self._counts(jid, a, parsed.bodies))
        return None if of_others and not counting else counting

    def _counts(self, jid: str, announcement: Announcement, bodies: Mapping[str, Element]) -> bool:
        # What is not signed need not be made comparable.
        is_signed = announcement.device is not None
        content = signed_content(bodies[announcement.resource]) if is_signed else None
        if self._check(jid, announcement, content):
            return True
        self.forged += 1
        self._log_once(
            f"dropped an announcement of {printable(jid)} whose signature is wrong or old"
        )
        return False

    def _log_once(self, line: str) -> None:
        if line not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(line)
            self._log.warn("{line}", line=line)

    @property
    def _own_bare(self) -> str:
        return str(self.parent.jid.userhost())

    @property
    def _own_resource(self) -> str:
        return str(self.parent.jid.resource)

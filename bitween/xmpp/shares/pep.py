"""Our shares and our contacts', through the personal eventing protocol (XEP-0163, XEP-0060)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ
from wokkel.data_form import Form
from wokkel.pubsub import (
    NS_PUBSUB,
    NS_PUBSUB_EVENT,
    NS_PUBSUB_NODE_CONFIG,
    NS_PUBSUB_OWNER,
    PubSubClient,
)

from bitween.errors import NotConnected
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import MAX_RESOURCES
from bitween.model.events import ItemPublished, ItemRetracted, ItemsRead, MessengerEvent
from bitween.model.text import printable
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import RESERVE, TokenBucket
from bitween.xmpp.jids import MAX_RESOURCE, split
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.shares.item_codec import NS_SHARES, parse_item, payload_of
from bitween.xmpp.shares.node_check import NodeCheck
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.publisher import Publisher

#: One item a resource.  More than the default of 1 has to be asked for.
NODE_OPTIONS = {
    "pubsub#access_model": "presence",
    "pubsub#persist_items": "1",
    "pubsub#max_items": str(MAX_RESOURCES),
    "pubsub#send_last_published_item": "on_sub_and_presence",
    "pubsub#notify_retract": "1",
}

#: Nodes that are read at the same time.
READS_AT_ONCE = 4
#: seconds for the presences of a contact's other resources to come, before the node is read.
READ_DELAY = 0.05
# bytes of a request for items.
_READ_SIZE = 250
# Strangers of whom the log tells.
_MAX_LOGGED = 1000

_NS_PUBLISH_OPTIONS = NS_PUBSUB + "#publish-options"


class Pep(PubSubClient):
    """
    Publishes our item, hears of and reads the items of others.

    The parent is a :class:`bitween.xmpp.session.client.Client`.

    :ivar refused: events of senders whose word does not count.
    :ivar dropped: malformed or excessive entries in what others publish.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        trusts: Callable[[str], bool],
        notify: Callable[[MessengerEvent], None],
        own: PublishedList,
    ) -> None:
        """
        :param trusts: whether a bare JID's word counts.
        :param notify: gets what others publish.
        :param own: our list.
        """
        super().__init__()
        self._clock = clock
        self._trusts = trusts
        self._notify = notify
        self._publisher = Publisher(clock, budget, self._publish, Backoff(), own)
        self._watch = NodeCheck(clock, Backoff(), self._look_at_own)
        self._reads = _Reads(clock, budget, self._read)
        self._configured = False
        self._logged: set[str] = set()
        self.refused = 0
        self.dropped = 0

    # ---- a session begins and ends

    def begin(self) -> None:
        """Set up our node and read it, then publish; the session is ready for it."""
        self._configured = False
        Deferred.fromCoroutine(self._begin()).addErrback(
            lambda failure: self._log.failure("beginning to publish", failure)
        )

    def connectionLost(self, reason: Any) -> None:
        """Stop, as there is no session any more; its open requests fail after that."""
        super().connectionLost(reason)
        self._publisher.end()
        self._watch.end()
        self._reads.end()

    async def _begin(self) -> None:
        stream = self.xmlstream
        await self._set_up()
        if stream is not self.xmlstream:
            return
        found = await self._read_own()
        if stream is self.xmlstream:
            self._publisher.begin(self._own_resource, found)
            self._watch.begin()

    async def _read_own(self) -> Any:
        """Read our own node: gives our item, tells the items of our other resources."""
        items = await self._items(self._own_bare)
        if items is None:
            return None
        self._items_read(self._own_bare, items)
        return self._own_item(items)

    def _own_item(self, items: Iterable[Any]) -> Any:
        own = self._own_resource
        return next((item for item in items if item.getAttribute("id") == own), None)

    # ---- what others may have made of our node

    def look_soon(self) -> None:
        """See before long whether our node is as we want it."""
        self._watch.glance()

    def _look_at_own(self) -> None:
        Deferred.fromCoroutine(self._put_right()).addErrback(
            lambda failure: self._log.failure("looking at our node", failure)
        )

    async def _put_right(self) -> None:
        """
        See that our node is set up, and that our item says what we published.

        The items of our other devices are read as well: what one of them publishes as it comes,
        ejabberd may tell nobody.
        """
        stream = self.xmlstream
        await self._set_up()
        if stream is not self.xmlstream:
            return
        items = await self._items(self._own_bare)
        if stream is self.xmlstream and items is not None:
            self._items_read(self._own_bare, items)
            self._publisher.look(self._own_item(items))

    # ---- out

    def announce(self, shares: Sequence[Share], candidates: Sequence[Candidate]) -> None:
        """Have contacts told this, as soon as may be."""
        self._publisher.announce(shares, candidates)

    def _publish(self, item: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(self._set_up_and_publish(item))

    async def _set_up_and_publish(self, item: Any) -> None:
        if not self._configured:
            await self._set_up()
        try:
            await self._publish_request(item).send()
        except Exception as error:
            if not (isinstance(error, StanzaError) and error.condition == "conflict"):
                raise request_error(error) from None
            # The node lets others see it than before.
            await self._set_up()
            await _answer(self._publish_request(item))

    def _publish_request(self, item: Any) -> Any:
        iq, pubsub = self._request("set", NS_PUBSUB)
        publish = pubsub.addElement("publish")
        publish["node"] = NS_SHARES
        item.uri = NS_PUBSUB
        publish.addChild(item)
        # Who may see it must be sure, whatever another program has made of the node.
        options = {"pubsub#access_model": NODE_OPTIONS["pubsub#access_model"]}
        pubsub.addElement("publish-options").addChild(_form(options, _NS_PUBLISH_OPTIONS))
        return iq

    def retract(self, item_id: str) -> Deferred[None]:
        """
        Take back an item of our node (XEP-0060 §7.2); one that is not there is no error.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server does not want that.
        """
        return Deferred.fromCoroutine(self._retract(item_id))

    async def _retract(self, item_id: str) -> None:
        iq, pubsub = self._request("set", NS_PUBSUB)
        retract = pubsub.addElement("retract")
        retract["node"] = NS_SHARES
        retract["notify"] = "true"
        retract.addElement("item")["id"] = item_id
        try:
            await iq.send()
        except Exception as error:
            if not (isinstance(error, StanzaError) and error.condition == "item-not-found"):
                raise request_error(error) from None

    async def _set_up(self) -> None:
        """
        Configure our node, or create it.

        This way works on Prosody and on ejabberd; publish-options do not.
        """
        for attempt in (self._configure, self._create, self._configure):
            try:
                await attempt()
            except StanzaError as error:
                if error.condition not in {"item-not-found", "conflict"}:
                    self._log_once(f"the server refuses to set up our node: {error.condition}")
                    return
            except Exception as error:
                self._log.debug("setting up our node: {why}", why=str(request_error(error)))
                return
            else:
                self._configured = True
                return

    async def _configure(self) -> None:
        iq, pubsub = self._request("set", NS_PUBSUB_OWNER)
        configure = pubsub.addElement("configure")
        configure["node"] = NS_SHARES
        configure.addChild(_form(NODE_OPTIONS, NS_PUBSUB_NODE_CONFIG))
        await iq.send()

    async def _create(self) -> None:
        iq, pubsub = self._request("set", NS_PUBSUB)
        pubsub.addElement("create")["node"] = NS_SHARES
        pubsub.addElement("configure").addChild(_form(NODE_OPTIONS, NS_PUBSUB_NODE_CONFIG))
        await iq.send()

    # ---- in, when we ask

    def read(self, jid: str) -> None:
        """Read all items of a bare JID, soon."""
        self._reads.want(jid)

    async def _read(self, jid: str) -> None:
        items = await self._items(jid)
        if items is not None and self._trusts(jid):
            self._items_read(jid, items)

    async def _items(self, jid: str) -> list[Any] | None:
        """The items of a node, none if there is no such node, ``None`` if that is not known."""
        try:
            iq, pubsub = self._request("get", NS_PUBSUB, jid)
            pubsub.addElement("items")["node"] = NS_SHARES
            answer = await iq.send()
            found = next(answer.elements(NS_PUBSUB, "pubsub"))
            items = next(found.elements(NS_PUBSUB, "items"))
            return list(items.elements(NS_PUBSUB, "item"))[:MAX_RESOURCES]
        except Exception as error:
            if isinstance(error, StanzaError) and error.condition == "item-not-found":
                return []
            self._log.debug(
                "{jid} could not be read: {why}", jid=printable(jid), why=str(request_error(error))
            )
            return None

    def _items_read(self, jid: str, items: Iterable[Any]) -> None:
        read = {
            item_id: self._parse(jid, item)
            for item in items
            if (item_id := self._item_id(jid, item)) is not None
        }
        self._notify(ItemsRead(jid=jid, items=read))

    # ---- in, when they publish

    def _onEvent(self, message: Any) -> None:
        """
        Take an event of somebody whose word counts.

        wokkel's own method hands on events of anybody, and stumbles over malformed ones.
        """
        message.handled = True
        jid, resource = split(message.getAttribute("from"))
        if message.getAttribute("type") == "error":
            return
        if resource or not self._trusts(jid):
            # An account's events come from its bare JID (XEP-0163 §4.3).
            self.refused += 1
            self._log_once(f"refused what {printable(jid) or 'nobody'} published: no contact")
            return
        for event in message.elements(NS_PUBSUB_EVENT, "event"):
            for action in event.elements():
                if action.uri == NS_PUBSUB_EVENT and action.getAttribute("node") == NS_SHARES:
                    self._take_event(jid, action)

    def _take_event(self, jid: str, action: Any) -> None:
        if action.name in {"delete", "purge"}:
            self._notify(ItemsRead(jid=jid, items={}))
            if jid == self._own_bare:
                self._watch.doubt()
        elif action.name == "configuration" and jid == self._own_bare:
            self._watch.doubt()
        elif action.name == "items":
            for item in action.elements():
                if item.uri == NS_PUBSUB_EVENT:
                    self._take_item(jid, item)

    def _take_item(self, jid: str, item: Any) -> None:
        item_id = self._item_id(jid, item)
        if item_id is None:
            own = jid == self._own_bare and item.getAttribute("id") == self._own_resource
            if own and (item.name == "retract" or not self._publisher.expects(item)):
                self._watch.doubt()
        elif item.name == "retract":
            self._notify(ItemRetracted(jid=jid, item_id=item_id))
        elif item.name == "item" and payload_of(item) is None:
            # A node may tell that there is an item without showing it.
            self.read(jid)
        elif item.name == "item":
            announcements = self._parse(jid, item)
            self._notify(ItemPublished(jid=jid, item_id=item_id, announcements=announcements))

    def _item_id(self, jid: str, item: Any) -> str | None:
        """The id of an item, ``None`` where it is our own, or none that could be."""
        item_id = str(item.getAttribute("id", ""))
        own = jid == self._own_bare and item_id == self._own_resource
        return None if own or not item_id or len(item_id) > MAX_RESOURCE else item_id

    def _parse(self, jid: str, item: Any) -> tuple[Announcement, ...]:
        parsed = parse_item(item)
        if parsed.dropped:
            self.dropped += parsed.dropped
            self._log_once(f"dropped malformed or excessive entries of {printable(jid)}")
        if jid != self._own_bare:
            return parsed.announcements
        # What we ourselves share, nobody tells us.
        return tuple(a for a in parsed.announcements if a.resource != self._own_resource)

    # ---- odds and ends

    def _request(self, kind: str, uri: str, to: str = "") -> tuple[Any, Any]:
        if self.xmlstream is None or not self.parent.in_session:
            raise NotConnected("there is no connection to the XMPP server")
        iq = IQ(self.xmlstream, kind)
        if to and to != self._own_bare:
            iq["to"] = to
        return iq, iq.addElement((uri, "pubsub"))

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


class _Reads:
    """Reads nodes, few at a time, within the byte budget, and each once for several wishes."""

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, budget: TokenBucket, read: Callable[[str], Any]
    ) -> None:
        self._clock = clock
        self._budget = budget
        self._read = read
        self._wanted: dict[str, None] = {}
        self._running: set[str] = set()
        self._timer: IDelayedCall | None = None

    def want(self, jid: str) -> None:
        self._wanted[jid] = None
        self._later(READ_DELAY)

    def end(self) -> None:
        self._wanted.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self, delay: float) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(delay, self._go)

    def _go(self) -> None:
        self._timer = None
        for jid in [jid for jid in self._wanted if jid not in self._running]:
            wait = self._budget.wait(_READ_SIZE, RESERVE)
            if wait > 0:
                self._later(wait)
                return
            if len(self._running) >= READS_AT_ONCE:
                return
            self._start(jid)

    def _start(self, jid: str) -> None:
        del self._wanted[jid]
        self._running.add(jid)

        def ended(result: Any) -> Any:
            self._running.discard(jid)
            if self._wanted:
                self._later(0)
            return result

        reading = Deferred.fromCoroutine(self._read(jid)).addBoth(ended)
        reading.addErrback(lambda failure: self._log.failure("reading a node", failure))


async def _answer(iq: Any) -> Any:
    """
    Send a request and wait for the answer.

    :raises BitweenError: if there is none, or a refusal.
    """
    try:
        return await iq.send()
    except Exception as error:
        raise request_error(error) from None


def _form(options: dict[str, str], form_type: str) -> Any:
    form = Form("submit", formNamespace=form_type)
    form.makeFields(options)
    return form.toElement()

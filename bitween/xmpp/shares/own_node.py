"""
Our own node: created, configured, published to, and checked.

There is one node an account, with one item a device; ours has our resource as its id.  Each
session begins with configuring the node and reading it: what the server still has of us need not be
published again.  Afterwards :class:`bitween.xmpp.shares.publisher.Publisher` decides what to
publish, and :class:`bitween.xmpp.shares.node_check.NodeCheck` when to look whether another program
has changed the node or our item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.errors import BitweenError, RequestRefused
from bitween.model.announcement import Share
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.shares.device_codec import AnnouncementSigner
from bitween.xmpp.shares.item_codec import OwnPlaces
from bitween.xmpp.shares.node_check import NodeCheck
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.publisher import Publisher
from bitween.xmpp.shares.pubsub_node import PreconditionFailed, PubSubNode

_ACCESS_MODEL = "pubsub#access_model"

#: One item a resource.  More than the default of 1 has to be asked for.
NODE_OPTIONS = {
    _ACCESS_MODEL: "presence",
    "pubsub#persist_items": "1",
    "pubsub#max_items": str(MAX_RESOURCES),
    "pubsub#send_last_published_item": "on_sub_and_presence",
    "pubsub#notify_retract": "1",
}


class OwnNode:
    """Keeps our node and our item in it as we want them."""

    _log = Logger()

    def __init__(
        self,
        requester: Extension,
        clock: IReactorTime,
        budget: TokenBucket,
        own: PublishedList,
        items_read: Callable[[Iterable[Element]], None],
        *,
        signer: AnnouncementSigner | None = None,
    ) -> None:
        """
        :param requester: sends the requests; its parent's JID is ours.
        :param budget: an item is published when it has room.
        :param own: our share list.
        :param items_read: gets all items of the node, ours too, each time it has been read.
        :param signer: signs our item; ``None`` to leave it unsigned.
        """
        self._requester = requester
        self._items_read = items_read
        # Contacts only may read it, whatever another program has made of the node.
        self._node = PubSubNode(requester, "", NS_SHARES, NODE_OPTIONS, required=(_ACCESS_MODEL,))
        self._publisher = Publisher(clock, budget, self._publish, Backoff(), own, signer=signer)
        self._check = NodeCheck(clock, Backoff(), self._check_node)
        self._configured = False
        self._session: object = None
        self._logged = ""

    def begin(self) -> None:
        """Configure the node and read it, then publish: a session is ready for it."""
        self._configured = False
        self._session = object()
        Deferred.fromCoroutine(self._begin(self._session)).addErrback(
            lambda failure: self._log.failure("beginning to publish", failure)
        )

    def end(self) -> None:
        """Stop: the session is over."""
        self._session = None
        self._publisher.end()
        self._check.end()

    def announce(self, shares: Sequence[Share], places: OwnPlaces) -> None:
        """
        Publish this, now or when there is a session.

        :param shares: oldest first.
        """
        self._publisher.announce(shares, places)

    def retract(self, item_id: str) -> Deferred[None]:
        """
        Retract an item of the node, another device's; one that does not exist is no error.

        :param item_id: the resource of that device.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """
        return Deferred.fromCoroutine(self._node.retract(item_id))

    def check_soon(self) -> None:
        """Check the node soon: another device has come or gone."""
        self._check.check_soon()

    def node_changed(self) -> None:
        """Check the node: an event says that it has been changed or deleted."""
        self._check.suspect()

    def item_changed(self, item: Element) -> None:
        """
        Check the node if an event about our item is not the echo of what we published.

        :param item: the ``item`` or ``retract`` element of the event.
        """
        if item.name == "retract" or not self._publisher.expects(item):
            self._check.suspect()

    async def _begin(self, session: object) -> None:
        items = await self._configure_and_read(session)
        if session is self._session:
            self._publisher.begin(self._resource, self._own_item(items or ()))
            self._check.begin()

    def _check_node(self) -> None:
        Deferred.fromCoroutine(self._repair(self._session)).addErrback(
            lambda failure: self._log.failure("checking our node", failure)
        )

    async def _repair(self, session: object) -> None:
        """
        Configure the node, and compare our item with what we published.

        That reads the items of our other devices as well: ejabberd may send no event for what one
        of them publishes as it comes online.
        """
        items = await self._configure_and_read(session)
        if session is self._session and items is not None:
            self._publisher.compare(self._own_item(items))

    async def _configure_and_read(self, session: object) -> list[Element] | None:
        """Return the items; ``None`` if the session has ended or the node could not be read."""
        await self._configure()
        if session is not self._session:
            return None
        try:
            items = await self._node.read(MAX_RESOURCES)
        except BitweenError as error:
            self._log.debug("our node could not be read: {error}", error=error)
            return None
        if session is not self._session:
            return None
        self._items_read(items)
        return items

    async def _configure(self) -> None:
        try:
            await self._node.configure()
        except RequestRefused as error:
            if str(error) != self._logged:
                self._logged = str(error)
                self._log.warn("our node could not be configured: {error}", error=error)
        except BitweenError as error:
            self._log.debug("our node could not be configured: {error}", error=error)
        else:
            self._configured = True

    def _publish(self, item: Element) -> Deferred[None]:
        return Deferred.fromCoroutine(self._configure_and_publish(item))

    async def _configure_and_publish(self, item: Element) -> None:
        if not self._configured:
            await self._configure()
        try:
            await self._node.publish(item)
        except PreconditionFailed:
            await self._configure()
            await self._node.publish(item)

    def _own_item(self, items: Iterable[Element]) -> Element | None:
        own = self._resource
        return next((item for item in items if item.getAttribute("id") == own), None)

    @property
    def _resource(self) -> str:
        return str(self._requester.parent.jid.resource)

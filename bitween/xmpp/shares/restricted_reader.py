"""
Reads the lists that devices of contacts keep for us alone (docs/protocol.rst, "Restricted lists").

Such a list is read when its device comes online, and again whenever the device says that it has
changed.  It is kept only while the device is online, so the revision that is known is kept here.
Reading itself is that of :class:`bitween.xmpp.shares.list_reader.ListReader`; each page is opened
with our key (:class:`bitween.xmpp.shares.restricted_codec.PageSeal`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import InvalidValue
from bitween.model.announcement import ListPage
from bitween.model.events import MessengerEvent, PrivateListingReceived
from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.list_codec import ListAnswer, ListQuery
from bitween.xmpp.shares.list_reader import ANSWER_TIMEOUT, ListReader
from bitween.xmpp.shares.restricted_codec import (
    PageSeal,
    parse_changed,
    parse_page,
    query_element,
)

#: How often the devices of a bare JID may say that a list has changed, and in how many seconds.
CHANGES = (60, 60)

_CHANGED = f"/iq[@type='set']/changed[@xmlns='{NS_BITWEEN_2}']"


class RestrictedListReader(ListReader):
    """Reads the lists for us alone of the devices that are online."""

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        counts: Callable[[str, str], bool],
        notify: Callable[[MessengerEvent], None],
        pages: PageSeal,
    ) -> None:
        """
        :param budget: requests wait for room in it.
        :param counts: whether a device (bare JID, resource) is online and its announcements count.
        :param notify: gets a ``PrivateListingReceived`` for each page, in order for each device.
        :param pages: opens each page.
        """
        super().__init__(clock, budget, counts, notify)
        self._pages = pages
        self._known: dict[tuple[str, str], tuple[str, int]] = {}
        self._changed_to: dict[tuple[str, str], tuple[str, int]] = {}
        self._limit = KeyedLimiter[str].of_requests(clock, *CHANGES)

    def read_private(self, jid: str, resource: str) -> None:
        """Read a device's list for us, if that has not been read since the device came online."""
        if (jid, resource) not in self._known:
            self.read(jid, resource, "", 0)

    def refresh(self, jid: str, resource: str) -> None:
        """Look for changes: a device that sends its presence again may have begun a new list."""
        known = self._known.get((jid, resource))
        if known is not None and self._limit.allow(jid):
            self.read(jid, resource, *known)

    def connectionInitialized(self) -> None:
        """Listen for what tells of changes."""
        self.xmlstream.addObserver(_CHANGED, self._changed)

    def connectionLost(self, reason: Any) -> None:
        """Forget what is known: the session is over."""
        super().connectionLost(reason)
        self._known.clear()
        self._changed_to.clear()

    def drop(self, jid: str, resource: str = "") -> None:
        """
        Stop reading from a device, or from all devices of an account, and forget what is known.

        :param resource: empty for all devices.
        """
        super().drop(jid, resource)
        for states in (self._known, self._changed_to):
            for key in [k for k in states if k[0] == jid and resource in ("", k[1])]:
                del states[key]

    async def _fetch(self, query: ListQuery, jid: str, resource: str) -> ListAnswer:
        to = f"{jid}/{resource}"
        answer = await self.send_iq("get", query_element(query), to, ANSWER_TIMEOUT)
        element = next(answer.elements(NS_BITWEEN_2, "shares"), None)
        if element is None:
            raise InvalidValue("the answer has no list")
        return parse_page(self._pages.open(jid, resource, str(element), answer["id"]))

    def _deliver(self, jid: str, resource: str, page: ListPage) -> None:
        if page.complete:
            self._known[jid, resource] = page.list_id, page.revision
        self._notify(PrivateListingReceived(jid=jid, resource=resource, page=page))

    def _goes_on(self, jid: str, resource: str, page: ListPage) -> bool:
        # Once for each time that a device says so: it could name any revision.
        list_id, revision = self._changed_to.pop((jid, resource), (page.list_id, 0))
        return not page.complete or list_id != page.list_id or revision > page.revision

    def _changed(self, iq: Element) -> None:
        jid, resource = split(iq.getAttribute("from", ""))
        if not resource or not self._counts(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        if not self._limit.allow(jid):
            self.send(StanzaError("policy-violation", "wait").toResponse(iq))
            return
        try:
            state = parse_changed(next(iq.elements(NS_BITWEEN_2, "changed")))
        except InvalidValue:
            self.send(StanzaError("bad-request").toResponse(iq))
            return
        self.send(toResponse(iq, "result"))
        key = (jid, resource)
        known = self._known.get(key, ("", 0))
        if known[0] == state[0] and state[1] <= known[1]:
            return
        if self._is_reading(*key):
            self._changed_to[key] = state
            return
        self._given_up.discard(key)
        self.read(jid, resource, *known)

"""
Serves each reader the list of what this reader may see and not everybody may.

A reader is a bare JID.  Its list has an id and revisions of its own, so that they tell nothing of
what others may see.  It begins with the first request of the reader, is kept in memory alone, and
ends when the last device of the reader that has asked goes offline: readers drop it then, too.

When the list of a reader changes, each device that has asked is told, and no other.

Which shares a reader may see, the application says (:meth:`RestrictedListServer.serve`); pages are
sealed to the device that asks (:class:`bitween.xmpp.shares.restricted_codec.PageSeal`).  One that
does not count is told to come again later: perhaps its announcement has not arrived yet, or the
user verifies it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import BitweenError, InvalidValue
from bitween.model.announcement import Share
from bitween.model.share_list import ShareList, new_list_id
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.shares.list_codec import ListQuery
from bitween.xmpp.shares.page_queue import PageQueue
from bitween.xmpp.shares.restricted_codec import (
    PageSeal,
    changed_element,
    page_value,
    parse_query,
    sealed_page_element,
)

#: Pages that are being sealed, for which the key of a device may have to be asked for: of one
#: account, and in all.
MAX_SEALED_FOR_ONE = 2
MAX_SEALED_AT_ONCE = 32
#: Seconds in which changes are collected before readers are told.
CHANGE_DELAY = 0.5
#: Characters of the id of a request, which its page names.
MAX_REQUEST_ID = 256
#: Devices of one reader that are told of changes.
MAX_DEVICES = 64

#: Called with a bare JID; returns what it may see and not everybody may, oldest first.
SharesFor = Callable[[str], Sequence[Share]]

_REQUEST = f"/iq[@type='get']/shares[@xmlns='{NS_BITWEEN_2}']"
# bytes that tell a device of a change, and seconds for its answer, which says nothing.
_CHANGE_SIZE = 300
_CHANGE_TIMEOUT = 30


class RestrictedListServer(Extension):
    """Serves restricted lists, and tells readers of changes."""

    features = frozenset({NS_BITWEEN_2})

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        queue: PageQueue,
        sees_us: Callable[[str], bool],
        pages: PageSeal,
    ) -> None:
        """
        :param budget: what tells of a change waits until it has room.
        :param queue: has each page sent in its turn.
        :param sees_us: whether a bare JID may see our presence.
        :param pages: seals each page.
        """
        super().__init__()
        self._clock = clock
        self._budget = budget
        self._queue = queue
        self._sees_us = sees_us
        self._pages = pages
        self._shares_for: SharesFor = lambda _: ()
        self._lists: dict[str, ShareList] = {}
        # By reader: the resources that have asked, so that they know what a change is.
        self._devices: dict[str, set[str]] = {}
        self._sealing: dict[Deferred[None], str] = {}
        # Readers whose lists may be out of date, and devices that are not told of a change yet.
        self._stale: dict[str, None] = {}
        self._untold: dict[tuple[str, str], None] = {}
        self._timer: IDelayedCall | None = None

    def serve(self, shares_for: SharesFor) -> None:
        """
        Serve these shares from now on.

        :param shares_for: is called for a reader's first request, and by :meth:`update`.
        """
        self._shares_for = shares_for
        self.update()

    def update(self, jids: Iterable[str] | None = None) -> None:
        """
        Follow a change of our shares, or of what readers may see.

        It counts at once.  The readers are told a little later, one after the other: with many
        shares, each takes some milliseconds.

        :param jids: bare JIDs, the readers whom it may concern; ``None`` for all.
        """
        concerned = self._lists.keys() if jids is None else self._lists.keys() & set(jids)
        self._stale.update(dict.fromkeys(sorted(concerned)))
        self._schedule(CHANGE_DELAY)

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_REQUEST, self._requested)

    def connectionLost(self, reason: Any) -> None:
        """Forget the readers: the session is over."""
        super().connectionLost(reason)
        for sealing in list(self._sealing):
            sealing.cancel()
        self._lists.clear()
        self._devices.clear()
        self._stale.clear()
        self._untold.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget a device, and the list of a reader without devices."""
        self._untold.pop((jid, resource), None)
        devices = self._devices.get(jid, set())
        devices.discard(resource)
        if not devices:
            self._devices.pop(jid, None)
            self._lists.pop(jid, None)
            self._stale.pop(jid, None)

    def _visible(self, jid: str) -> list[Share]:
        return list(self._shares_for(jid)) if self._sees_us(jid) else []

    def _list_of(self, jid: str) -> ShareList:
        shares = self._lists.get(jid)
        if shares is None:
            shares = self._lists[jid] = ShareList(new_list_id())
            shares.update(self._visible(jid))
        self._refresh(jid)
        return shares

    def _refresh(self, jid: str) -> None:
        """Bring a list up to date, if it is stale; its devices are to be told of what changed."""
        if jid in self._stale:
            del self._stale[jid]
            if self._lists[jid].update(self._visible(jid)):
                self._untold.update(dict.fromkeys((jid, r) for r in sorted(self._devices[jid])))
                self._schedule(CHANGE_DELAY)

    def _requested(self, iq: Element) -> None:
        reader = iq.getAttribute("from", "")
        jid, resource = split(reader)
        if not resource or not self._sees_us(jid):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        try:
            if not 0 < len(iq.getAttribute("id", "")) <= MAX_REQUEST_ID:
                raise InvalidValue("the page could not name the request")
            query = parse_query(next(iq.elements(NS_BITWEEN_2, "shares")))
        except InvalidValue:
            self._refuse(iq, "bad-request")
            return
        of_account = sum(split(other)[0] == jid for other in self._sealing.values())
        devices = self._devices.setdefault(jid, set())
        if (
            reader in self._sealing.values()
            or of_account >= MAX_SEALED_FOR_ONE
            or len(self._sealing) >= MAX_SEALED_AT_ONCE
            or len(devices | {resource}) > MAX_DEVICES
        ):
            self._refuse(iq, "resource-constraint")
            return
        devices.add(resource)
        sealing = Deferred.fromCoroutine(self._seal(iq, jid, resource, query))
        self._sealing[sealing] = reader
        sealing.addErrback(self._failed, iq)
        sealing.addBoth(lambda _: self._sealing.pop(sealing))

    async def _seal(self, iq: Element, jid: str, resource: str, query: ListQuery) -> None:
        shares = self._list_of(jid)
        state = shares.list_id, shares.revision
        text = await self._pages.seal(jid, resource, page_value(shares, query, iq["id"]))
        if not self._queue.add(f"{jid}/{resource}", lambda: self._answer(iq, jid, text, state)):
            self._refuse(iq, "resource-constraint")

    def _answer(self, iq: Element, jid: str, text: str, state: tuple[str, int]) -> bool:
        """Send a page; returns whether that was allowed, and the page is not out of date."""
        if not self._sees_us(jid):
            self._refuse(iq, "service-unavailable")
            return False
        self._refresh(jid)
        shares = self._lists.get(jid)
        if shares is None or (shares.list_id, shares.revision) != state:
            # It may hold what the reader may no longer see.
            self._refuse(iq, "resource-constraint")
            return False
        answer = toResponse(iq, "result")
        answer.addChild(sealed_page_element(text))
        self.send(answer)
        return True

    def _failed(self, failure: Failure, iq: Element) -> None:
        if failure.check(CancelledError):
            return
        if failure.check(BitweenError):
            self._refuse(iq, "resource-constraint")
            return
        self._log.failure("sealing a page", failure)
        self._refuse(iq, "internal-server-error")

    def _refuse(self, iq: Element, condition: str) -> None:
        self.send(StanzaError(condition).toResponse(iq))

    def _schedule(self, delay: float) -> None:
        if self._timer is None and (self._stale or self._untold):
            self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._stale:
            self._refresh(next(iter(self._stale)))
            self._schedule(0)
            return
        delay = self._budget.delay(_CHANGE_SIZE, RESERVE)
        if delay > 0:
            self._schedule(delay)
            return
        jid, resource = next(iter(self._untold))
        del self._untold[jid, resource]
        shares = self._lists.get(jid)
        if shares is not None and self._sees_us(jid):
            content = changed_element(shares.list_id, shares.revision)
            told = self.send_iq("set", content, f"{jid}/{resource}", _CHANGE_TIMEOUT)
            # Whatever the device answers: it asks when it comes online, too.
            Deferred.fromCoroutine(told).addErrback(lambda _: None)
        self._schedule(0)

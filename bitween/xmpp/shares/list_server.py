"""Sends our share list to the contacts that read it, page by page, behind everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import InvalidValue
from bitween.model.share_list import ShareList
from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN, NS_RSM
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.shares.list_codec import MAX_PAGE, ListQuery, page_element, parse_query

#: Requests that wait for their answer; with more, readers would time out before their turn.
MAX_WAITING = 6
#: Of these, requests of one account's devices.
MAX_WAITING_OF_ACCOUNT = 2
#: bytes that one account may read at once, and bytes/s from then on.
READER_BURST = 4_000_000
READER_RATE = 1000

_REQUEST = f"/iq[@type='get']/shares[@xmlns='{NS_BITWEEN}']"


class ListServer(Extension):
    """
    Sends pages of our list to accounts that may see our presence.

    Readers wait in one queue with one request each, so they take turns.  A page is sent only when
    the byte budget has room for it and for a reserve.
    """

    features = frozenset({NS_BITWEEN, NS_RSM})

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        shares: ShareList,
        sees_us: Callable[[str], bool],
    ) -> None:
        """
        :param budget: a page waits until it has room.
        :param shares: our share list; each page shows its state at the time.
        :param sees_us: whether a bare JID may see our presence.
        """
        super().__init__()
        self._clock = clock
        self._budget = budget
        self._shares = shares
        self._sees_us = sees_us
        self._waiting: dict[str, tuple[Any, ListQuery]] = {}
        self._readers = KeyedLimiter[str](clock, READER_RATE, READER_BURST)
        self._timer: IDelayedCall | None = None

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_REQUEST, self._requested)

    def connectionLost(self, reason: Any) -> None:
        """Forget the waiting requests: the session is over."""
        super().connectionLost(reason)
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _requested(self, iq: Element) -> None:
        reader = iq.getAttribute("from", "")
        jid, resource = split(reader)
        if not resource or not self._sees_us(jid):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        try:
            query = parse_query(next(iq.elements(NS_BITWEEN, "shares")))
        except InvalidValue:
            self._refuse(iq, "bad-request")
            return
        of_account = sum(split(known)[0] == jid for known in self._waiting)
        full = (
            len(self._waiting) >= MAX_WAITING
            or of_account >= MAX_WAITING_OF_ACCOUNT
            or reader in self._waiting
        )
        if full or self._readers.bucket(jid).delay(MAX_PAGE) > 0:
            self._refuse(iq, "resource-constraint")
            return
        self._waiting[reader] = iq, query
        self._schedule(0)

    def _schedule(self, delay: float) -> None:
        if self._timer is None and self._waiting:
            self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        wait = self._budget.delay(MAX_PAGE, RESERVE)
        if wait > 0:
            self._schedule(wait)
            return
        reader = next(iter(self._waiting))
        self._answer(reader, *self._waiting.pop(reader))
        self._schedule(0)

    def _answer(self, reader: str, iq: Element, query: ListQuery) -> None:
        jid, _ = split(reader)
        if not self._sees_us(jid):
            self._refuse(iq, "service-unavailable")
            return
        answer = toResponse(iq, "result")
        answer.addChild(page_element(self._shares, query))
        self._readers.bucket(jid).consume(MAX_PAGE)
        self.send(answer)

    def _refuse(self, iq: Element, condition: str) -> None:
        self.send(StanzaError(condition).toResponse(iq))

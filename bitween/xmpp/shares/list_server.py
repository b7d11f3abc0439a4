"""Sends our share list to the contacts that read it, page by page, behind everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import InvalidValue
from bitween.model.share_list import ShareList
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN, NS_RSM
from bitween.xmpp.shares.list_codec import ListQuery, page_element, parse_query
from bitween.xmpp.shares.page_queue import PageQueue

_REQUEST = f"/iq[@type='get']/shares[@xmlns='{NS_BITWEEN}']"


class ListServer(Extension):
    """
    Sends pages of our list to accounts that may see our presence.
    """

    features = frozenset({NS_BITWEEN, NS_RSM})

    def __init__(self, queue: PageQueue, shares: ShareList, sees_us: Callable[[str], bool]) -> None:
        """
        :param queue: has each page sent in its turn.
        :param shares: our share list; each page shows its state at the time.
        :param sees_us: whether a bare JID may see our presence.
        """
        super().__init__()
        self._queue = queue
        self._shares = shares
        self._sees_us = sees_us

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_REQUEST, self._requested)

    def connectionLost(self, reason: Any) -> None:
        """Forget the waiting requests: the session is over."""
        super().connectionLost(reason)
        self._queue.clear()

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
        if not self._queue.add(reader, lambda: self._answer(iq, query)):
            self._refuse(iq, "resource-constraint")

    def _answer(self, iq: Element, query: ListQuery) -> bool:
        """Send a page; returns whether that was allowed."""
        jid, _ = split(iq.getAttribute("from", ""))
        if not self._sees_us(jid):
            self._refuse(iq, "service-unavailable")
            return False
        answer = toResponse(iq, "result")
        answer.addChild(page_element(self._shares, query))
        self.send(answer)
        return True

    def _refuse(self, iq: Element, condition: str) -> None:
        self.send(StanzaError(condition).toResponse(iq))

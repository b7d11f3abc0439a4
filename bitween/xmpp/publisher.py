"""Keeps our PEP item equal to what we want it to say, with as few bytes as it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.xmpp.backoff import Backoff
from bitween.xmpp.budget import ByteBudget
from bitween.xmpp.payload import build_item, canonical, payload_of


class Publisher:
    """
    Publishes the latest of what is announced: one item at a time, and only what is news.

    While a publish is under way, or the byte budget is used up, changes add up to the next one.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: ByteBudget,
        publish: Callable[[Any], Deferred[None]],
        backoff: Backoff,
    ) -> None:
        """:param publish: sends an item; its Deferred fails with a ``BitweenError``."""
        self._clock = clock
        self._budget = budget
        self._publish = publish
        self._backoff = backoff
        self._wanted: tuple[Sequence[Share], Sequence[PeerAddress]] | None = None
        self._resource: str | None = None
        self._published: object = None
        self._session = object()
        self._under_way = False
        self._cut_off = False
        self._timer: IDelayedCall | None = None
        self._logged = ""

    def announce(self, shares: Sequence[Share], addresses: Sequence[PeerAddress]) -> None:
        """Have this published, now or when there is a session."""
        self._wanted = (shares, addresses)
        self._go(0)

    def begin(self, resource: str, found: Any) -> None:
        """
        Start in a new session.

        :param resource: the one that the server bound.
        :param found: our item as the server has it, ``None`` if it has none.
        """
        self.end()
        self._resource = resource
        payload = None if found is None else payload_of(found)
        self._published = None if payload is None else canonical(payload)
        # An item that made the server end the stream must not do so again at once.
        self._go(self._backoff.next() if self._cut_off else 0)
        self._cut_off = False

    def end(self) -> None:
        """Stop, as there is no session any more."""
        self._cut_off = self._cut_off or self._under_way
        self._resource = None
        self._session = object()
        self._under_way = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def lost(self) -> None:
        """Note that the server has our item no longer, without our doing."""
        self._published = None
        self._go(self._backoff.next())

    def _go(self, delay: float) -> None:
        if self._resource is not None and not self._under_way and self._timer is None:
            self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._resource is None or self._wanted is None:
            return
        item = build_item(self._resource, *self._wanted)
        says = canonical(payload_of(item))
        if says == self._published:
            return
        wait = self._budget.wait(len(item.toXml().encode()))
        if wait > 0:
            self._go(wait)
            return
        self._under_way = True
        session = self._session
        self._publish(item).addCallbacks(
            lambda _: self._done(session, says), lambda failure: self._failed(session, failure)
        ).addErrback(lambda failure: self._log.failure("publishing", failure))

    def _done(self, session: object, says: object) -> None:
        if session is not self._session:
            return
        self._under_way = False
        self._published = says
        self._logged = ""
        self._backoff.reset()
        self._go(0)

    def _failed(self, session: object, failure: Failure) -> None:
        if session is not self._session:
            return
        self._under_way = False
        failure.trap(BitweenError)
        message = str(failure.value)
        if message != self._logged:
            self._logged = message
            self._log.warn("our shares could not be published: {message}", message=message)
        self._go(self._backoff.next())

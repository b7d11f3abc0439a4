"""The queue of pages that go to readers: one for all lists, behind everything else."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.jids import split
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.shares.list_codec import MAX_PAGE

#: Requests that wait for their answer; with more, readers would time out before their turn.
MAX_WAITING = 6
#: Of these, requests of one account's devices.
MAX_WAITING_OF_ACCOUNT = 2
#: bytes that one account may read at once, and bytes/s from then on.
READER_BURST = 4_000_000
READER_RATE = 1000


class PageQueue:
    """
    Lets readers take turns, with one request each.

    A page is sent only when the byte budget has room for it and for a reserve.
    """

    def __init__(self, clock: IReactorTime, budget: TokenBucket) -> None:
        """:param budget: a page waits until it has room."""
        self._clock = clock
        self._budget = budget
        self._waiting: dict[str, Callable[[], bool]] = {}
        self._readers = KeyedLimiter[str](clock, READER_RATE, READER_BURST)
        self._timer: IDelayedCall | None = None

    def add(self, reader: str, answer: Callable[[], bool]) -> bool:
        """
        Have a reader's request answered in its turn.

        :param reader: a full JID.
        :param answer: answers it; returns whether it has sent a page.
        :returns: ``False`` if the reader has to come again later.
        """
        jid, _ = split(reader)
        of_account = sum(split(known)[0] == jid for known in self._waiting)
        full = (
            len(self._waiting) >= MAX_WAITING
            or of_account >= MAX_WAITING_OF_ACCOUNT
            or reader in self._waiting
        )
        if full or self._readers.bucket(jid).delay(MAX_PAGE) > 0:
            return False
        self._waiting[reader] = answer
        self._schedule(0)
        return True

    def clear(self) -> None:
        """Forget the waiting requests: the session is over."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, delay: float) -> None:
        if self._timer is None and self._waiting:
            self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        delay = self._budget.delay(MAX_PAGE, RESERVE)
        if delay > 0:
            self._schedule(delay)
            return
        reader = next(iter(self._waiting))
        if self._waiting.pop(reader)():
            self._readers.bucket(split(reader)[0]).consume(MAX_PAGE)
        self._schedule(0)

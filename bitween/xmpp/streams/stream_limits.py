"""Limits the byte streams with contacts: how many are open, and how often they are requested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from bitween.errors import RequestRefused
from bitween.util.limiter import KeyedLimiter

#: Open streams, with one contact and in all.
MAX_OF_CONTACT = 4
MAX_IN_ALL = 16
#: Streams that a contact may request at once, and a second from then on.
REQUESTS = 20
REQUEST_RATE = 1 / 3


class StreamLimiter:
    """Counts open streams of both sides, and limits how often a contact requests one."""

    def __init__(self, clock: IReactorTime) -> None:
        self._open: Counter[str] = Counter()
        self._requests = KeyedLimiter[str](clock, REQUEST_RATE, REQUESTS)
        self._make_room: Callable[[str], None] = lambda _: None

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """
        Set what makes room for the next attempt when a stream is refused because of the limit.

        :param make_room: gets the bare JID of the contact that the refused stream is with.
        """
        self._make_room = make_room

    def check_rate(self, jid: str) -> None:
        """
        Count a request of a contact.

        :param jid: the contact's bare JID.
        :raises RequestRefused: if it requests too often.
        """
        if not self._requests.allow(jid):
            raise RequestRefused.of("request_refused.too_often")

    def acquire(self, jid: str) -> Callable[[], None]:
        """
        Count a stream with a contact as open.

        :param jid: the contact's bare JID.
        :returns: the function to call once when the stream has ended.
        :raises RequestRefused: if there are too many.
        """
        if self._open[jid] >= MAX_OF_CONTACT or self._open.total() >= MAX_IN_ALL:
            self._make_room(jid)
            raise RequestRefused.of("request_refused.too_many_streams")
        self._open[jid] += 1

        def release() -> None:
            self._open[jid] -= 1
            if not self._open[jid]:
                del self._open[jid]

        return release

"""Lets contacts have streams, and none of them too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from bitween.errors import RequestRefused
from bitween.util.token_bucket import TokenBucket

#: Streams at once, with one contact and in all.
MAX_OF_CONTACT = 4
MAX_IN_ALL = 16
#: Openings that a contact may ask for at once, and a second from then on.
KNOCKS = 20
KNOCK_RATE = 1 / 3

# Contacts whose openings are remembered.
_MAX_REMEMBERED = 1000


class StreamLimiter:
    """Counts streams, ours and theirs together, and how often contacts ask for more."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._inside: Counter[str] = Counter()
        self._knocks: dict[str, TokenBucket] = {}
        self._make_room: Callable[[str], None] = lambda _: None

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """
        Have room made for the next try where a stream is refused since there are too many.

        :param make_room: gets the bare JID of the contact that the refused stream is with.
        """
        self._make_room = make_room

    def knock(self, jid: str) -> None:
        """
        Take note that a contact asks for something.

        :raises RequestRefused: if that is too often.
        """
        knocks = self._knocks.pop(jid, None) or TokenBucket(self._clock, KNOCK_RATE, KNOCKS)
        self._knocks[jid] = knocks
        if len(self._knocks) > _MAX_REMEMBERED:
            del self._knocks[next(iter(self._knocks))]
        if knocks.wait(1) > 0:
            raise RequestRefused("streams are asked for too often", "try again later")
        knocks.charge(1)

    def enter(self, jid: str) -> Callable[[], None]:
        """
        Let a stream with a contact in.

        :returns: what to call, once, when the stream has ended.
        :raises RequestRefused: if there are too many.
        """
        if self._inside[jid] >= MAX_OF_CONTACT or self._inside.total() >= MAX_IN_ALL:
            self._make_room(jid)
            raise RequestRefused("too many streams are open", "try again later")
        self._inside[jid] += 1

        def leave() -> None:
            self._inside[jid] -= 1
            if not self._inside[jid]:
                del self._inside[jid]

        return leave

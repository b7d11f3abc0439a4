"""A token bucket, which keeps what is sent below a rate limit."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater


class TokenBucket:
    """
    A token bucket; its tokens are bytes, or requests.

    An XMPP server does not refuse what exceeds its limit.  It reads it later, and whatever is sent
    next, a ping or a presence, waits behind it.  A large stanza may overdraw the bucket; the next
    large one then waits.
    """

    def __init__(self, clock: IReactorTime, rate: float, burst: float) -> None:
        """
        :param rate: tokens/s.
        :param burst: tokens in a full bucket.
        """
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._claimed = 0
        self.reset()

    def reset(self) -> None:
        """Fill the bucket, as a server does for a new connection."""
        self._left = self._burst
        self._at = self._clock.seconds()

    def consume(self, size: float) -> None:
        """
        Take tokens for what was sent, even if there are too few.

        :param size: tokens.
        """
        self._refill()
        self._left -= size

    def delay(self, size: float, reserve: float = 0) -> float:
        """
        Seconds until there are so many tokens; 0 if there are now.

        :param size: tokens; of more than a full bucket holds, a full bucket suffices.
        :param reserve: tokens that must be left after that; a caller with a reserve also waits for
            what is claimed.
        """
        self._refill()
        if reserve:
            reserve += self._claimed
        return max(0.0, (min(size + reserve, self._burst) - self._left) / self._rate)

    async def room(self, size: int, reserve: int) -> None:
        """Wait until there are so many tokens; see :meth:`delay`."""
        while (delay := self.delay(size, reserve)) > 0:
            await deferLater(self._clock, delay)

    def claim(self, size: int) -> None:
        """
        Have callers with a reserve leave so many more tokens, until 0 are claimed.

        Otherwise a stream of small stanzas could keep a large one from ever being sent.

        :param size: tokens; replaces what was claimed before.
        """
        self._claimed = size

    @property
    def overdrawn(self) -> float:
        """The number of tokens that the bucket is overdrawn by."""
        self._refill()
        return max(0.0, -self._left)

    @property
    def backlog(self) -> float:
        """Seconds that a slow server may need to read what was sent."""
        return self.overdrawn / self._rate

    def _refill(self) -> None:
        now = self._clock.seconds()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now

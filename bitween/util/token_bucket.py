"""Keeps below the rate at which servers let a client speak."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

#: bytes/s; ejabberd's default is 3 kB/s, Prosody's 10 kB/s.
RATE = 2500
#: bytes that may go at once.
BURST = 16_000
#: bytes that lists leave over, so that presence, pings and news never wait behind them.
RESERVE = 4000


class TokenBucket:
    """
    A token bucket over everything that is sent.

    Servers do not refuse what is above their limit, they read it later: whatever is sent next, a
    ping or a presence, waits behind it.  A large stanza may overdraw the bucket; the next large one
    then waits.
    """

    def __init__(self, clock: IReactorTime, rate: float = RATE, burst: float = BURST) -> None:
        """
        :param rate: bytes/s.
        :param burst: bytes.
        """
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._claimed = 0
        self.reset()

    def reset(self) -> None:
        """Start anew, as a server does for a new connection."""
        self._left = self._burst
        self._at = self._clock.seconds()

    def charge(self, size: float) -> None:
        """Note that bytes were sent."""
        self._refill()
        self._left -= size

    def wait(self, size: float, reserve: float = 0) -> float:
        """
        Seconds until this many bytes may be sent.

        :param reserve: bytes that could still be sent at once after them; what has one gives way to
            what is claimed.
        """
        self._refill()
        if reserve:
            reserve += self._claimed
        return max(0.0, (min(size + reserve, self._burst) - self._left) / self._rate)

    async def room(self, size: int, reserve: int) -> None:
        """Wait until this many bytes may be sent; see :meth:`wait`."""
        while (wait := self.wait(size, reserve)) > 0:
            await deferLater(self._clock, wait)

    def claim(self, size: int) -> None:
        """
        Let what asks for a reserve leave this many bytes over, until 0 are claimed.

        Otherwise small things would go on for ever, and a large one never find room.
        """
        self._claimed = size

    @property
    def overdrawn(self) -> float:
        """How many bytes were sent beyond what might be."""
        self._refill()
        return max(0.0, -self._left)

    @property
    def backlog(self) -> float:
        """Seconds that a slow server may need to read what was sent already."""
        return self.overdrawn / self._rate

    def _refill(self) -> None:
        now = self._clock.seconds()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now

"""Finds out at which of several addresses somebody answers, soon and with few connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.model.address import PeerAddress

#: Seconds that an address has before the next one is tried beside it (RFC 8305 §5).
HEAD_START = 0.25
#: Seconds until an address is given up.
PATIENCE = 3.0
#: Connections that are tried at the same time, in all races together.
AT_ONCE = 32

#: Knocks at an address, for so many seconds at most; see :func:`bitween.reach.dial.dial`.
Dial = Callable[[PeerAddress, float], Deferred[bool]]


class Prober:
    """Has addresses race for being the first at which somebody answers."""

    def __init__(self, clock: IReactorTime, dial: Dial) -> None:
        self._clock = clock
        self._dial = dial
        self._turns = DeferredSemaphore(AT_ONCE)

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """
        Try addresses, each with a head start before the next; those that lose are given up.

        :param addresses: the best first.
        :returns: where somebody answered first, ``None`` if that is nowhere; can be cancelled.
        """
        return _Race(self._clock, self._try, addresses).outcome

    def _try(self, address: PeerAddress) -> Deferred[bool]:
        return self._turns.run(self._dial, address, PATIENCE)


class _Race:
    """
    One race.

    :ivar outcome: the winner.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        knock: Callable[[PeerAddress], Deferred[bool]],
        addresses: Sequence[PeerAddress],
    ) -> None:
        self.outcome: Deferred[PeerAddress | None] = Deferred(lambda _: self._end())
        self._clock = clock
        self._knock = knock
        self._waiting = list(addresses)
        self._running: dict[PeerAddress, Deferred[bool]] = {}
        self._timer: IDelayedCall | None = None
        self._over = False
        self._next()

    def _next(self) -> None:
        """Let the next address begin, or see that there is none left."""
        self._stop_timer()
        if not self._waiting:
            if not self._running:
                self._finish(None)
            return
        address = self._waiting.pop(0)
        if self._waiting:
            self._timer = self._clock.callLater(HEAD_START, self._head_start_over)
        knocking = self._running[address] = self._knock(address)
        knocking.addErrback(self._not_knocked).addCallback(self._knocked, address)

    def _head_start_over(self) -> None:
        self._timer = None
        self._next()

    def _not_knocked(self, failure: Failure) -> bool:
        if not failure.check(CancelledError):
            self._log.failure("knocking at an address", failure)
        return False

    def _knocked(self, answered: bool, address: PeerAddress) -> None:
        self._running.pop(address, None)
        if self._over:
            return
        if answered:
            self._finish(address)
        else:
            self._next()

    def _finish(self, winner: PeerAddress | None) -> None:
        self._end()
        self.outcome.callback(winner)

    def _end(self) -> None:
        self._over = True
        self._stop_timer()
        for knocking in list(self._running.values()):
            knocking.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""
Finds out at which of several addresses somebody answers.

The addresses are a contact's, who may have named some of other people's servers among its own.  So
all knocks begin together, and each takes its own course: none tells what came of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.model.address import PeerAddress

#: Seconds that a better address has to answer after a worse one did (RFC 8305 §5).
HEAD_START = 0.25
#: Seconds until an address is given up, and until it is told that nobody answers.
PATIENCE = 3.0
#: Connections that are tried at the same time, in all races together.
AT_ONCE = 32

#: Knocks at an address, for so many seconds at most; see :func:`bitween.network.tcp_probe.dial`.
Dial = Callable[[PeerAddress, float], Deferred[bool]]


class Prober:
    """Knocks at addresses, all at the same time."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, dial: Dial) -> None:
        self._clock = clock
        self._dial = dial
        self._turns = DeferredSemaphore(AT_ONCE)
        self._knocking: set[Deferred[bool]] = set()

    def close(self) -> None:
        """Give all knocks up."""
        for knocking in list(self._knocking):
            knocking.cancel()

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """
        Find the best address at which somebody answers.

        :param addresses: the best first.
        :returns: the best one that answered by :data:`HEAD_START` after the first answer; ``None``
            after :data:`PATIENCE`, if that is nowhere; can be cancelled.
        """
        return _Race(self._clock, [(a, self._knock(a)) for a in addresses]).outcome

    def find_answering(
        self, addresses: Sequence[PeerAddress], seconds: float
    ) -> Deferred[list[PeerAddress]]:
        """
        Find all addresses at which somebody answers.

        :returns: those that did, after so many seconds and never earlier; can be cancelled.
        """
        reached: dict[PeerAddress, bool] = {}
        for address in addresses:
            self._knock(address).addCallback(partial(reached.__setitem__, address))
        over: Deferred[None] = deferLater(self._clock, seconds)
        return over.addCallback(lambda _: [a for a in addresses if reached.get(a)])

    def _knock(self, address: PeerAddress) -> Deferred[bool]:
        """Knock once, whatever else happens; tells whether somebody answered."""
        knocking = self._turns.run(self._dial, address, PATIENCE)
        self._knocking.add(knocking)

        def over(reached: bool | Failure) -> bool:
            self._knocking.discard(knocking)
            if isinstance(reached, Failure):
                if not reached.check(CancelledError):
                    self._log.failure("knocking at an address", reached)
                return False
            return reached

        return knocking.addBoth(over)


class _Race:
    """
    One race.

    :ivar outcome: the winner.
    """

    def __init__(
        self, clock: IReactorTime, knocks: Sequence[tuple[PeerAddress, Deferred[bool]]]
    ) -> None:
        self.outcome: Deferred[PeerAddress | None] = Deferred(lambda _: self._end())
        self._clock = clock
        self._reached: dict[PeerAddress, bool | None] = {address: None for address, _ in knocks}
        self._over = False
        self._timer: IDelayedCall | None = clock.callLater(PATIENCE, self._finish)
        self._answered = False
        for address, knock in knocks:
            knock.addCallback(self._knocked, address)
        if not knocks:
            self._finish()

    def _knocked(self, reached: bool, address: PeerAddress) -> None:
        self._reached[address] = reached
        if self._over:
            return
        best = next((a for a, said in self._reached.items() if said is not False), None)
        if best is not None and self._reached[best]:
            self._finish()
        elif reached and not self._answered:
            self._answered = True
            self._stop_timer()
            self._timer = self._clock.callLater(HEAD_START, self._finish)

    def _finish(self) -> None:
        self._end()
        winner = next((address for address, reached in self._reached.items() if reached), None)
        self.outcome.callback(winner)

    def _end(self) -> None:
        self._over = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

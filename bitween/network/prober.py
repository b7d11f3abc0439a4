"""
Tests which of several addresses answer a TCP connection.

The addresses come from a contact, who may have put other people's servers among its own.  So all
probes begin together and run independently: none reveals the result of another.
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

#: Seconds that a better address has to answer after a worse one has (RFC 8305 §5).
HEAD_START = 0.25
#: Seconds after which a probe ends, and a race without an answer.
PATIENCE = 3.0
#: Probes that run at the same time, in all races together.
AT_ONCE = 32

#: Probes an address for at most so many seconds; see :func:`bitween.network.tcp_probe.dial`.
Dial = Callable[[PeerAddress, float], Deferred[bool]]


class Prober:
    """Probes addresses, all at the same time."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, dial: Dial) -> None:
        self._clock = clock
        self._dial = dial
        self._turns = DeferredSemaphore(AT_ONCE)
        self._probing: set[Deferred[bool]] = set()

    def close(self) -> None:
        """Cancel all probes."""
        for probing in list(self._probing):
            probing.cancel()

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """
        Find the best address that answers.

        :param addresses: best first.
        :returns: the best one that answers within :data:`HEAD_START` after the first answer;
            ``None`` after :data:`PATIENCE` if none does; can be cancelled.
        """
        return _Race(self._clock, [(a, self._probe(a)) for a in addresses]).outcome

    def find_answering(
        self, addresses: Sequence[PeerAddress], seconds: float
    ) -> Deferred[list[PeerAddress]]:
        """
        Find all addresses that answer.

        :param addresses: in any order.
        :param seconds: how long to wait for answers.
        :returns: those that did, after so many seconds and never earlier; can be cancelled.
        """
        reached: dict[PeerAddress, bool] = {}
        for address in addresses:
            self._probe(address).addCallback(partial(reached.__setitem__, address))
        over: Deferred[None] = deferLater(self._clock, seconds)
        return over.addCallback(lambda _: [a for a in addresses if reached.get(a)])

    def _probe(self, address: PeerAddress) -> Deferred[bool]:
        """Probe an address once; fires with whether it answered, and never fails."""
        probing = self._turns.run(self._dial, address, PATIENCE)
        self._probing.add(probing)

        def over(reached: bool | Failure) -> bool:
            self._probing.discard(probing)
            if isinstance(reached, Failure):
                if not reached.check(CancelledError):
                    self._log.failure("probing an address failed", reached)
                return False
            return reached

        return probing.addBoth(over)


class _Race:
    """
    One race.

    :ivar outcome: the winner.
    """

    def __init__(
        self, clock: IReactorTime, probes: Sequence[tuple[PeerAddress, Deferred[bool]]]
    ) -> None:
        self.outcome: Deferred[PeerAddress | None] = Deferred(lambda _: self._end())
        self._clock = clock
        self._reached: dict[PeerAddress, bool | None] = {address: None for address, _ in probes}
        self._over = False
        self._timer: IDelayedCall | None = clock.callLater(PATIENCE, self._finish)
        self._answered = False
        for address, probe in probes:
            probe.addCallback(self._probed, address)
        if not probes:
            self._finish()

    def _probed(self, reached: bool, address: PeerAddress) -> None:
        self._reached[address] = reached
        if self._over:
            return
        best = next((a for a, answered in self._reached.items() if answered is not False), None)
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

"""Measures how late the reactor runs what is due."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two measurements.
INTERVAL = 1.0


class ReactorLag(Service):
    """Schedules a call once a second, and reports how late it runs."""

    def __init__(self, clock: IReactorTime, report: Callable[[float], None]) -> None:
        """:param report: called with the lag in seconds."""
        self._clock = clock
        self._report = report
        self._due = 0.0
        self._next: IDelayedCall | None = None

    def startService(self) -> None:
        """Start to measure."""
        super().startService()
        self._schedule()

    def stopService(self) -> None:
        """Stop measuring."""
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _schedule(self) -> None:
        # Not a LoopingCall, which skips missed calls, and would hide a delay of several seconds.
        self._due = self._clock.seconds() + INTERVAL
        self._next = self._clock.callLater(INTERVAL, self._measure)

    def _measure(self) -> None:
        late = self._clock.seconds() - self._due
        self._schedule()
        self._report(max(0.0, late))

"""How late the reactor comes to what is due."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two measurements.
INTERVAL = 1.0


class ReactorLag(Service):
    """Has itself called once a second, and tells by how much that was too late."""

    def __init__(self, clock: IReactorTime, tell: Callable[[float], None]) -> None:
        """:param tell: called with seconds."""
        self._clock = clock
        self._tell = tell
        self._due = 0.0
        self._next: IDelayedCall | None = None

    def startService(self) -> None:
        """Begin to measure."""
        super().startService()
        self._schedule()

    def stopService(self) -> None:
        """Measure no more."""
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _schedule(self) -> None:
        # Not a LoopingCall: it keeps to its own beat, and would hide a delay of several.
        self._due = self._clock.seconds() + INTERVAL
        self._next = self._clock.callLater(INTERVAL, self._measure)

    def _measure(self) -> None:
        late = self._clock.seconds() - self._due
        self._schedule()
        self._tell(max(0.0, late))

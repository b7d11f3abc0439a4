"""Detects that the machine was asleep, or that its clock was set back."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.util.periodic import PeriodicService

#: Seconds between two comparisons of the clocks.
INTERVAL = 5.0
#: Seconds by which the clocks must drift apart.
JUMP = 10.0
#: Seconds by which the clock must be set back; less is over soon.
SET_BACK = 2.0


class SuspendDetector(Service):
    """Compares the clock that runs while the machine sleeps with the one that stops."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        woke: Callable[[], None],
        set_back: Callable[[], None],
        wall: Callable[[], float] = time.time,
        awake: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param woke: called when the machine seems to have slept, or its clock was set forward.
        :param set_back: called when the machine's clock was set back.
        :param wall: seconds since the epoch.
        :param awake: seconds in which the machine was not asleep.
        """
        self._woke = woke
        self._set_back = set_back
        self._ahead = lambda: wall() - awake()
        self._before = self._ahead()
        self._timer = PeriodicService(reactor, self._look, INTERVAL)

    def startService(self) -> None:
        """Begin to compare."""
        super().startService()
        self._before = self._ahead()
        self._timer.startService()

    def stopService(self) -> None:
        """Stop comparing."""
        super().stopService()
        self._timer.stopService()

    def _look(self) -> None:
        before, self._before = self._before, self._ahead()
        if self._before - before >= JUMP:
            self._log.info("the machine was asleep: looking whether the network is another one")
            self._woke()
        elif before - self._before >= SET_BACK:
            self._log.info("the clock was set back by {n:.0f} s", n=before - self._before)
            self._set_back()

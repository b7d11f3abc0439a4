"""A service that repeats work, and survives its errors."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: seconds
HOUR = 3600.0


class PeriodicService(Service):
    """Calls a function periodically while it runs; the first time one interval after the start."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, work: Callable[[], None], seconds: float) -> None:
        """
        :param reactor: has the time.
        :param work: called without arguments; an exception is logged, and the next call happens all
            the same.
        :param seconds: between two calls.
        """
        self._work = work
        self._name = getattr(work, "__qualname__", repr(work))
        self._seconds = seconds
        self._loop = LoopingCall(self._carefully)
        self._loop.clock = reactor

    def startService(self) -> None:
        """Start the timer."""
        super().startService()
        self._loop.start(self._seconds, now=False).addErrback(
            lambda failure: self._log.failure("{work} ended", failure, work=self._name)
        )

    def stopService(self) -> None:
        """Stop the timer."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _carefully(self) -> None:
        try:
            self._work()
        except Exception:
            # A LoopingCall stops for good at its first exception.
            self._log.failure("{work} failed", work=self._name)

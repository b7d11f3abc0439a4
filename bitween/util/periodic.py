"""What is done again and again, however it went the last time."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: seconds
HOUR = 3600.0


class PeriodicService(Service):
    """Does something some time after it was started, and again and again from then on."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, work: Callable[[], None], seconds: float) -> None:
        """:param seconds: from one time to the next."""
        self._work = work
        self._seconds = seconds
        self._loop = LoopingCall(self._carefully)
        self._loop.clock = reactor

    def startService(self) -> None:
        """Begin to count the time."""
        super().startService()
        self._loop.start(self._seconds, now=False).addErrback(
            lambda failure: self._log.failure("housekeeping has ended", failure)
        )

    def stopService(self) -> None:
        """Do it no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _carefully(self) -> None:
        try:
            self._work()
        except Exception:
            # A LoopingCall stops for good at its first exception.
            self._log.failure("housekeeping failed")

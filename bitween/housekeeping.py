"""What is done once a day."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: seconds
DAY = 24 * 3600.0


class Housekeeping(Service):
    """Does something a day after it was started, and every day from then on."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, work: Callable[[], None]) -> None:
        self._work = work
        self._loop = LoopingCall(self._carefully)
        self._loop.clock = reactor

    def startService(self) -> None:
        """Begin to count the days."""
        super().startService()
        self._loop.start(DAY, now=False).addErrback(
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
            self._log.failure("the daily work failed")

"""Logs what happens to devices, and little of it where a device comes and goes all the time."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from bitween.model.catalogue.changes import Key
from bitween.util.limiter import KeyedLimiter

#: Lines for one account at once, and a day after that; further ones are logged for debugging only.
BURST, PER_DAY = 20, 100
_DAY = 86400.0


class ContactLog:
    """Writes lines about devices; the number of lines for one account is bounded."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._limiter: KeyedLimiter[str] = KeyedLimiter(clock, PER_DAY / _DAY, BURST)

    def note(self, device: Key, what: str) -> None:
        """
        Log a line.

        :param what: a verb and the rest of a sentence about the device.
        """
        level = LogLevel.info if self._limiter.allow(device[0]) else LogLevel.debug
        self._log.emit(level, "{who!r} {what}", who="/".join(device), what=what)

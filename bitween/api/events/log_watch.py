"""Turns warnings in the daemon's log into events."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from bitween.api.results.encoding.common import Json
from bitween.model.text import printable

#: Warnings a second that become events; further ones are only counted.
MAX_A_SECOND = 10
_MAX_TEXT = 500


@implementer(ILogObserver)
class LogWatch:
    """A log observer that reports warnings and errors, each as a line without its traceback."""

    def __init__(self, clock: IReactorTime, report: Callable[[Json], None]) -> None:
        """:param report: called with ``level``, ``text``, and how many ``more`` were left out."""
        self._clock = clock
        self._report = report
        self._second = 0.0
        self._reported = 0
        self._left_out = 0
        self._reporting = False

    def __call__(self, event: LogEvent) -> None:
        """Handle an event of Twisted's log."""
        level = event.get("log_level")
        # An error while reporting is logged, too, and would be reported without end.
        if self._reporting or level is None or level < LogLevel.warn:
            return
        if not self._has_room():
            self._left_out += 1
            return
        line = formatEvent(event).strip().partition("\n")[0]
        more, self._left_out = self._left_out, 0
        self._reporting = True
        try:
            self._report({"level": level.name, "text": printable(line, _MAX_TEXT), "more": more})
        finally:
            self._reporting = False

    def _has_room(self) -> bool:
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._second, self._reported = now, 0
        self._reported += 1
        return self._reported <= MAX_A_SECOND

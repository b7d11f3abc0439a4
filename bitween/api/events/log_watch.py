"""Makes events of what the log warns of."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from bitween.api.results.encoding.common import Json
from bitween.model.text import printable

#: Warnings that are told within a second; of more, only their number.
MAX_A_SECOND = 10
_MAX_TEXT = 500


@implementer(ILogObserver)
class LogWatch:
    """A log observer that hands on warnings and worse, each as a line without its traceback."""

    def __init__(self, clock: IReactorTime, tell: Callable[[Json], None]) -> None:
        """:param tell: called with ``level``, ``text``, and how many ``more`` there were before."""
        self._clock = clock
        self._tell = tell
        self._second = 0.0
        self._told = 0
        self._untold = 0
        self._telling = False

    def __call__(self, event: LogEvent) -> None:
        """Take a log event."""
        level = event.get("log_level")
        # A fault in telling is logged too, and would be told for ever.
        if self._telling or level is None or level < LogLevel.warn:
            return
        if not self._has_room():
            self._untold += 1
            return
        line = formatEvent(event).strip().partition("\n")[0]
        more, self._untold = self._untold, 0
        self._telling = True
        try:
            self._tell({"level": level.name, "text": printable(line, _MAX_TEXT), "more": more})
        finally:
            self._telling = False

    def _has_room(self) -> bool:
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._second, self._told = now, 0
        self._told += 1
        return self._told <= MAX_A_SECOND

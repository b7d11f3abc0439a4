"""Keeps out of the log what tells its reader nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.logger import (
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogBeginner,
    LogEvent,
    LogLevel,
    PredicateResult,
)
from zope.interface import implementer

# What Twisted says of a start and of an end that matters.
_KEPT = ("twistd {version}", "Received SIG")
# What Twisted says in the name of our own channel, for each client that rests or is slow: whoever
# can connect could fill the disk with it.
_CHATTY = "Timing out client:"
# Where the older half of Twisted logs, as do libraries that know only that one.
_LEGACY = "log_legacy"


def filter_log(beginner: LogBeginner, *, debug: bool) -> None:
    """
    Have the log that is about to begin show what matters only, also of what waits for it.

    Left out are Twisted's notes on ports, factories, idle clients and its plugin cache.

    :param beginner: not begun yet.
    :param debug: whether what is only for debugging is shown.
    """
    begin = beginner.beginLoggingTo

    def begin_filtered(observers: Iterable[ILogObserver], *args: Any, **options: Any) -> None:
        begin(
            [FilteringLogObserver(one, [_Shown(debug=debug)]) for one in observers],
            *args,
            **options,
        )

    setattr(beginner, "beginLoggingTo", begin_filtered)  # noqa: B010  # mypy knows it for a method


@implementer(ILogFilterPredicate)
class _Shown:
    def __init__(self, *, debug: bool) -> None:
        self._debug = debug

    def __call__(self, event: LogEvent) -> Any:
        return PredicateResult.yes if is_shown(event, debug=self._debug) else PredicateResult.no


def is_shown(event: LogEvent, *, debug: bool) -> bool:
    """Whether an event of the log is for its reader."""
    level = event.get("log_level", LogLevel.info)
    if level is LogLevel.debug:
        return debug
    namespace = str(event.get("log_namespace", ""))
    words = str(event.get("log_format") or "")
    twisted = namespace == _LEGACY or namespace.startswith("twisted.")
    if level is not LogLevel.info or not (twisted or words.startswith(_CHATTY)):
        return True
    return debug or words.startswith(_KEPT)

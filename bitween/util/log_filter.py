"""Filters log messages that tell the reader nothing."""

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

# Twisted's messages on start and stop that are kept.
_KEPT = ("twistd {version}", "Received SIG")
# Twisted's message, in the name of our own channel, for each client that is idle or slow: anyone
# who can connect could fill the disk with it.
_CHATTY = "Timing out client:"
# The namespace of Twisted's legacy log, which some libraries use.
_LEGACY = "log_legacy"


def filter_log(beginner: LogBeginner, *, debug: bool) -> None:
    """
    Filter the log from its beginning, including messages that are buffered until then.

    Twisted's messages on ports, factories, idle clients and its plugin cache are dropped.

    :param beginner: has not begun logging yet.
    :param debug: whether debug messages are shown.
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
    """Whether the log shows an event."""
    level = event.get("log_level", LogLevel.info)
    if level is LogLevel.debug:
        return debug
    namespace = str(event.get("log_namespace", ""))
    words = str(event.get("log_format") or "")
    twisted = namespace == _LEGACY or namespace.startswith("twisted.")
    if level is not LogLevel.info or not (twisted or words.startswith(_CHATTY)):
        return True
    return debug or words.startswith(_KEPT)

"""Keeps the last warnings of the daemon's log, for longer than the event log does."""

from __future__ import annotations

import json
from collections import deque
from typing import cast

from bitween.api.events.log import EventLog, LoggedEvent
from bitween.api.results.event_types import EventType
from bitween.api.results.shapes import daemon as shapes

#: How many warnings are kept; :mod:`bitween.api.events.log_watch` bounds each.
KEPT = 100


class RecentWarnings:
    """Keeps the last warning events."""

    def __init__(self, log: EventLog) -> None:
        """:param log: subscribed to for the life of the daemon."""
        self._events: deque[LoggedEvent] = deque(maxlen=KEPT)
        log.appended.subscribe(self._appended)

    def all(self) -> list[shapes.Warning]:
        """The warnings with their times, oldest first."""
        events = [json.loads(event.text) for event in self._events]
        return [
            cast("shapes.Warning", {"time": event["time"], **event["data"]}) for event in events
        ]

    def _appended(self, event: LoggedEvent) -> None:
        if event.type is EventType.WARNING:
            self._events.append(event)

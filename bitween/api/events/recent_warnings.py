"""The last warnings of the log, kept longer than other events are."""

from __future__ import annotations

import json
from collections import deque
from typing import cast

from bitween.api.events.log import EventLog, LoggedEvent
from bitween.api.results.event_types import EventType
from bitween.api.results.shapes import daemon as shapes

#: Warnings that are kept; each is bounded by :mod:`bitween.api.events.log_watch`.
KEPT = 100


class RecentWarnings:
    """Keeps what the event log is told of warnings."""

    def __init__(self, log: EventLog) -> None:
        """:param log: is listened to for good."""
        self._events: deque[LoggedEvent] = deque(maxlen=KEPT)
        log.appended.subscribe(self._appended)

    def all(self) -> list[shapes.Warning]:
        """Every one that is kept: what its event carries, and its time; oldest first."""
        events = [json.loads(event.text) for event in self._events]
        return [
            cast("shapes.Warning", {"time": event["time"], **event["data"]}) for event in events
        ]

    def _appended(self, event: LoggedEvent) -> None:
        if event.type is EventType.WARNING:
            self._events.append(event)

"""A bounded log of recent events, which each client reads from its own position."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bitween.api.results.event_types import EventType
from bitween.util.observable import Observable

#: The most events in the log, and the most bytes of their text.
CAPACITY = 10_000
ROOM = 16 * 2**20

_MICROSECONDS = 1_000_000

# ASCII only: no character in it ends a line in any protocol.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """
    An event, as every client gets it.

    :param id: one more than the id of the event before.
    :param text: a JSON object in ASCII with ``id``, ``type``, ``time`` and ``data``.
    """

    id: int
    type: EventType
    text: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """
    A part of the log.

    :param events: oldest first.
    :param last: the position to continue from.
    :param gap: whether events before these are missing; the client has to read the state again.
    """

    events: tuple[LoggedEvent, ...]
    last: int
    gap: bool = False


class EventLog:
    """
    Numbers events, and keeps the last ones.

    A reader's position is the id of the last event that it has seen.  Ids start at the microseconds
    since the epoch, and have no gaps.  So a position in the log of an earlier run lies before all
    events of this one, and is recognized as lost.

    :ivar appended: notifies of every new event.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        capacity: int = CAPACITY,
        room: int = ROOM,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param capacity: the most events to keep.
        :param room: the most bytes of their text to keep.
        """
        self._clock = clock
        self._capacity = capacity
        self._room = room
        self._events: deque[LoggedEvent] = deque()
        self._size = 0
        self._origin = self._last = int(clock() * _MICROSECONDS)
        self.appended: Observable[LoggedEvent] = Observable()

    @property
    def start(self) -> int:
        """The position before the oldest event in the log."""
        return self._last - len(self._events)

    @property
    def last(self) -> int:
        """The position after the newest event."""
        return self._last

    @property
    def count(self) -> int:
        """How many events there were, including those that were dropped."""
        return self._last - self._origin

    def record(self, event_type: EventType, data: Mapping[str, object]) -> None:
        """
        Append an event.

        :param data: a JSON object of bounded size.
        """
        self._last += 1
        fields = {"id": self._last, "type": event_type, "time": self._clock(), "data": data}
        event = LoggedEvent(self._last, event_type, _encode(fields).encode("ascii"))
        self._events.append(event)
        self._size += len(event.text)
        while len(self._events) > self._capacity or self._size > self._room:
            self._size -= len(self._events.popleft().text)
        self.appended.notify(event)

    def after(self, position: int, types: frozenset[EventType], room: int) -> Page:
        """
        The next events for a reader.

        :param position: the reader's; if it is not in the log, the page has a gap, and continues at
            the end.
        :param types: the types to return.
        :param room: the page ends once it has this many bytes of text.
        """
        if not self.start <= position <= self._last:
            return Page((), self._last, gap=True)
        events: list[LoggedEvent] = []
        size = 0
        for index in range(position - self.start, len(self._events)):
            event = self._events[index]
            if size >= room:
                return Page(tuple(events), event.id - 1)
            if event.type in types:
                events.append(event)
                size += len(event.text)
        return Page(tuple(events), self._last)

"""What happened lately: a bounded log that clients read from a position of their own."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bitween.api.results.event_types import EventType
from bitween.util.observable import Observable

#: Events that are kept, and bytes of their text.
CAPACITY = 10_000
ROOM = 16 * 2**20

_MICROSECONDS = 1_000_000

# ASCII only: no character in it can end a line, wherever it is written to.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """
    One event, as every client gets it.

    :param id: one more than that of the event before.
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
    :param last: the position to go on from.
    :param gap: whether events are missing before these, so that what they told is to be read anew.
    """

    events: tuple[LoggedEvent, ...]
    last: int
    gap: bool = False


class EventLog:
    """
    Numbers events and keeps the last ones; a reader's position is the id of the last it has seen.

    Ids begin with the microseconds since the epoch and have no gaps.  So a position in the log of
    an earlier run is before all of this one, and is known for what it is.

    :ivar appended: hands out every event.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        capacity: int = CAPACITY,
        room: int = ROOM,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param room: bytes.
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
        """The position of a reader who wants all that is kept."""
        return self._last - len(self._events)

    @property
    def last(self) -> int:
        """The position of a reader who has seen everything."""
        return self._last

    @property
    def count(self) -> int:
        """Events since the beginning, also those that are gone."""
        return self._last - self._origin

    def record(self, event_type: EventType, data: Mapping[str, object]) -> None:
        """
        Append an event.

        :param data: bounded, and fit for JSON.
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

        :param position: of the reader; if the log has lost it, or never had it, there is a gap, and
            the reader is to go on from the end.
        :param types: those that are wanted.
        :param room: no event is added to so many bytes of text.
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

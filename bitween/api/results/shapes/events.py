"""Results of ``events.``."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.event_types import EventType
from bitween.api.results.shapes.common import Time


class Event(TypedDict):
    """An event."""

    id: Annotated[int, "one more than the id of the event before"]
    type: Annotated[str, EventType]
    time: Time
    data: Annotated[dict[str, object], "depends on the type; see the page on events"]


class Events(TypedDict):
    """Events after a position."""

    events: Annotated[list[Event], "oldest first"]
    last: Annotated[int, "the position to go on from"]
    gap: Annotated[bool, "whether events before these are missing"]

"""A typed source of events that callers subscribe to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.logger import Logger

Event = TypeVar("Event")


class Observable(Generic[Event]):
    """
    Hands each event to every subscriber, in the order of subscription.

    An exception of a subscriber is logged; the other subscribers still get the event.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._subscribers: dict[object, Callable[[Event], None]] = {}

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        """
        Subscribe to all further events.

        :param subscriber: called with each event.
        :returns: a callable that ends the subscription; calling it twice is harmless.
        """
        key = object()
        self._subscribers[key] = subscriber

        def unsubscribe() -> None:
            self._subscribers.pop(key, None)

        return unsubscribe

    def notify(self, event: Event) -> None:
        """Pass ``event`` to all current subscribers."""
        for subscriber in list(self._subscribers.values()):
            try:
                subscriber(event)
            except Exception:
                self._log.failure(
                    "a subscriber failed on {event_type}", event_type=type(event).__name__
                )

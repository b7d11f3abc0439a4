"""``events.``: events for clients that cannot keep a stream open."""

from __future__ import annotations

import json
from typing import Annotated

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from bitween.api.events.log import EventLog, LoggedEvent
from bitween.api.results.event_types import EventType, known_types
from bitween.api.results.shapes.events import Events
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Between

#: Bytes of events in one answer; what is left comes with the next.
ROOM = 2**18

_Position = Annotated[int, Between(0, 2**53)]
_Seconds = Annotated[int, Between(0, 600)]


class EventMethods(Namespace):
    """``events.``: past events, and the next ones."""

    def __init__(self, log: EventLog, clock: IReactorTime) -> None:
        super().__init__()
        self._log = log
        self._clock = clock

    @reads
    async def jsonrpc_poll(
        self,
        since: _Position | None = 0,
        timeout: _Seconds = 30,  # noqa: ASYNC109  # the parameter's name in the API
        types: list[str] | None = None,
    ) -> Events:
        """
        Return the events after a position; if there is none yet, wait for one.

        If ``gap`` is true, events are missing.  Read the state again with the other methods, and
        continue from ``last``.

        :param since: ``last`` of the answer before; 0 for all events that are kept; ``null`` for
            future events only.
        :param timeout: seconds to wait.
        :param types: return only events of these types; all types by default.
        :raises InvalidValue: if a type is unknown.
        """
        wanted = known_types(types)
        page = self._log.after(self._position(since), wanted, ROOM)
        if not page.events and not page.gap and timeout > 0:
            await self._next(wanted, timeout)
            page = self._log.after(page.last, wanted, ROOM)
        events = [json.loads(event.text) for event in page.events]
        return {"events": events, "last": page.last, "gap": page.gap}

    def _position(self, since: int | None) -> int:
        if since is None:
            return self._log.last
        return since or self._log.start

    async def _next(self, types: frozenset[EventType], seconds: float) -> None:
        """Wait for the next event, or until the time is over."""
        happened: Deferred[None] = Deferred()

        def look(event: LoggedEvent) -> None:
            if event.type in types and not happened.called:
                happened.callback(None)

        happened.addTimeout(seconds, self._clock, lambda _result, _seconds: None)
        unsubscribe = self._log.appended.subscribe(look)
        try:
            await happened
        finally:
            unsubscribe()

"""
``GET /events``: streams events to clients as Server-Sent Events (WHATWG HTML §9.2).

A client that connects for the first time gets the events from now on, or those after the position
``since``.  A browser that reconnects sends the id of the last event that it got, and continues
there.  If the log no longer has that position, the stream sends ``resync``: the client reads the
state again with JSON-RPC, and continues with the next event.

Nothing is queued for a client: a stream holds a position in the log, and reads on when the
connection's buffer has room.  A comment every :data:`HEARTBEAT` seconds keeps proxies from closing
the connection, and moves the client's position past events that it did not ask for.  A client that
reads nothing for :data:`MAX_STALLED` of them is disconnected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from twisted.internet.interfaces import IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from bitween.api.events.log import EventLog, LoggedEvent, Page
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.places import Places
from bitween.api.http.request import BoundedRequest
from bitween.api.results.event_types import EventType, known_types
from bitween.errors import InvalidValue

#: Seconds between two heartbeats.
HEARTBEAT = 15.0
#: Heartbeats in a row for which a client may read nothing: ten minutes.
MAX_STALLED = 40
#: Streams at a time: fewer than the site's connections, so that there is room for calls.
MAX_STREAMS = 50
#: How many of them guests may have together, so that some are left for the owner's page.
MAX_GUEST_STREAMS = 30
#: Milliseconds after which a browser reconnects.
RETRY = 2000
# Bytes of one write: the transport can pause the stream after each.
_ROOM = 2**15

_POSITION = re.compile(rb"[0-9]{1,16}")


class EventStreams(Resource):
    """Starts a stream for each client, with a limit on their number."""

    isLeaf = True

    def __init__(self, log: EventLog, clock: IReactorTime) -> None:
        super().__init__()
        self._log = log
        self._clock = clock
        self._places = Places(MAX_STREAMS, MAX_GUEST_STREAMS)

    def render(self, request: BoundedRequest) -> bytes | int:
        """Start a stream."""
        if request.method != b"GET":
            return ErrorPage(405, "use GET", allow="GET").render(request)
        try:
            types, position = _wanted_types(request), self._position(request)
        except InvalidValue as error:
            return ErrorPage(400, str(error)).render(request)
        if not self._places.has_room(request.caller):
            return ErrorPage(503, "too many streams", retry_after="15").render(request)
        stream = _Stream(request, self._log, self._clock, types)
        stream.begin(position, self._places.take(request.caller))
        return NOT_DONE_YET

    def _position(self, request: Request) -> int:
        """
        The position to start from: after the last event that the client has seen, or now.

        :raises InvalidValue: if ``since`` is not a number.
        """
        seen = request.getHeader(b"last-event-id")
        if seen is not None:
            # A browser sends what it got, and would never reconnect after an error.
            return int(seen) if _POSITION.fullmatch(seen) else -1
        since = _arguments(request, b"since")
        if not since:
            return self._log.last
        if not _POSITION.fullmatch(since[-1]):
            raise InvalidValue(
                "since is not a whole number", "pass the id of an event, or leave it out"
            )
        return int(since[-1]) or self._log.start


@implementer(IPushProducer)
class _Stream:
    """The stream of one client."""

    _logger = Logger()

    def __init__(
        self, request: Request, log: EventLog, clock: IReactorTime, types: frozenset[EventType]
    ) -> None:
        self._request = request
        self._log = log
        self._types = types
        self._position = log.last
        self._paused = False
        self._stalled = 0
        self._heartbeats = LoopingCall(self._beat)
        self._heartbeats.clock = clock

    def begin(self, position: int, on_end: Callable[[], None]) -> None:
        """
        Send the events after a position, then new ones, until the client is gone.

        :param on_end: called then.
        """
        request = self._request
        request.setHeader(b"content-type", b"text/event-stream; charset=utf-8")
        request.setHeader(b"x-accel-buffering", b"no")  # makes nginx forward each event at once
        request.registerProducer(self, streaming=True)
        unsubscribe = self._log.appended.subscribe(lambda _: self._send())

        def end(_: object) -> None:
            unsubscribe()
            if self._heartbeats.running:
                self._heartbeats.stop()
            on_end()

        request.notifyFinish().addBoth(end)
        self._heartbeats.start(HEARTBEAT, now=False).addErrback(
            lambda failure: self._logger.failure("the heartbeat of a stream ended", failure)
        )
        request.write(b"retry: %d\n\n" % RETRY)
        if position == self._position:
            # Tells the position to a client that is disconnected before the first event.
            request.write(b"id: %d\n\n" % position)
        self._position = position
        self._send()

    def pauseProducing(self) -> None:
        """Write nothing until the client has read what is buffered."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Continue from the position."""
        self._paused = False
        self._stalled = 0
        self._send()

    def stopProducing(self) -> None:
        """Do nothing: the request's own ``notifyFinish`` reports the end."""

    def _send(self) -> None:
        while not self._paused and self._position != self._log.last:
            page = self._log.after(self._position, self._types, _ROOM)
            self._position = page.last
            text = _resync(page) if page.gap else b"".join(map(_message, page.events))
            if text:
                self._request.write(text)

    def _beat(self) -> None:
        if not self._paused:
            # With the position, which may have moved past events of other types.
            self._request.write(b": alive\nid: %d\n\n" % self._position)
            return
        self._stalled += 1
        if self._stalled >= MAX_STALLED:
            cast("ITCPTransport", self._request.channel.transport).abortConnection()


def _wanted_types(request: Request) -> frozenset[EventType]:
    """
    :raises InvalidValue: if a type is unknown.
    """
    given = _arguments(request, b"types")
    names = [name for value in given for name in value.decode("utf-8", "replace").split(",")]
    return known_types(names or None)


def _arguments(request: Request, name: bytes) -> list[bytes]:
    arguments: dict[bytes, list[bytes]] = request.args or {}
    return arguments.get(name, [])


def _message(event: LoggedEvent) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), event.text)


def _resync(page: Page) -> bytes:
    return b'id: %d\nevent: resync\ndata: {"last":%d}\n\n' % (page.last, page.last)

"""Writes a long body piece by piece, no faster than the client takes it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

#: Seconds for which a client may take nothing, as a player does that is paused.
MAX_STALLED = 120.0
# Bytes that are written at a time; the transport has its say after each.
_SLICE = 2**17


@implementer(IPushProducer)
class BodyWriter:
    """Lets a coroutine write a body, and wait where the connection takes no more."""

    def __init__(self, request: Request, clock: IReactorTime) -> None:
        self._request = request
        self._clock = clock
        self._room: Deferred[None] | None = None

    def begin(self) -> None:
        """Begin the body."""
        self._request.registerProducer(self, streaming=True)

    async def write(self, data: memoryview) -> None:
        """
        Write, in slices.

        :raises TimeoutError: if the client takes nothing for too long.
        """
        for start in range(0, len(data), _SLICE):
            self._request.write(bytes(data[start : start + _SLICE]))
            if self._room is not None:
                await self._room.addTimeout(MAX_STALLED, self._clock)

    def end(self) -> None:
        """Finish the request."""
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """Wait until the connection takes more."""
        if self._room is None:
            self._room = Deferred()

    def resumeProducing(self) -> None:
        """Go on."""
        room, self._room = self._room, None
        if room is not None and not room.called:
            room.callback(None)

    def stopProducing(self) -> None:
        """Do nothing: whoever writes is told that the client is gone by the request."""

"""Writes long response bodies no faster than the client reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

#: Seconds for which a client may read nothing, as a paused video player does.
MAX_STALLED = 120.0
# Bytes of one write: the transport can pause the writer after each.
_SLICE = 2**17


@implementer(IPushProducer)
class BodyWriter:
    """Lets a coroutine write a body, and makes it wait while the connection's buffer is full."""

    def __init__(self, request: Request, clock: IReactorTime) -> None:
        self._request = request
        self._clock = clock
        self._writable: Deferred[None] | None = None

    def begin(self) -> None:
        """Begin the body."""
        self._request.registerProducer(self, streaming=True)

    async def write(self, data: memoryview) -> None:
        """
        Write in slices.

        :raises TimeoutError: if the client reads nothing for :data:`MAX_STALLED`.
        """
        for start in range(0, len(data), _SLICE):
            self._request.write(bytes(data[start : start + _SLICE]))
            if self._writable is not None:
                await self._writable.addTimeout(MAX_STALLED, self._clock)

    def end(self) -> None:
        """Finish the request."""
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """Make the next write wait."""
        if self._writable is None:
            self._writable = Deferred()

    def resumeProducing(self) -> None:
        """Let the write that waits continue."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.called:
            writable.callback(None)

    def stopProducing(self) -> None:
        """Do nothing: the request's own ``notifyFinish`` reports that the client is gone."""


@implementer(IPushProducer)
class ChunkWriter:
    """Writes a body whose chunks all exist, then finishes the request."""

    def __init__(self, request: Request, chunks: Iterable[bytes]) -> None:
        """:param chunks: the parts of the body, in order; each is one write."""
        self._request = request
        self._chunks = deque(chunks)
        self._paused = False
        self._client_gone = False

    def begin(self) -> None:
        """Write as much as the connection takes now; the rest follows by itself."""
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """Write until the connection's buffer is full again."""
        if self._client_gone:
            return
        self._paused = False
        while self._chunks and not self._paused:
            self._request.write(self._chunks.popleft())
        if not self._paused:
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        """Stop writing until the connection's buffer has room."""
        self._paused = True

    def stopProducing(self) -> None:
        """Drop the rest: the client is gone."""
        self._client_gone = self._paused = True
        self._chunks.clear()

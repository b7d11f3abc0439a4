"""Sends a long body no faster than the client takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer


@implementer(IPushProducer)
class Sending:
    """Writes the chunks of a body, and finishes the request."""

    def __init__(self, request: Request, chunks: Iterable[bytes]) -> None:
        self._request = request
        self._chunks = deque(chunks)
        self._paused = False
        self._gone = False

    def begin(self) -> None:
        """Write as much as the connection takes; the rest follows by itself."""
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """Go on."""
        if self._gone:
            return
        self._paused = False
        while self._chunks and not self._paused:
            self._request.write(self._chunks.popleft())
        if not self._paused:
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        """Wait until the connection takes more."""
        self._paused = True

    def stopProducing(self) -> None:
        """Give up, as the client is gone."""
        self._gone = self._paused = True
        self._chunks.clear()

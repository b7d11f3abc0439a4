"""Protocols of test clients."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.support.waiting import in_time


class Collector(Protocol):
    """Takes what a server says until it closes."""

    def __init__(self) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # Twisted's
        """Hand it out."""
        self.closed.callback(self.received)


class SlowReader(Protocol):
    """Reads when it is told to, and waits for texts that come in the order of asking."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Deferred[None] = Deferred()
        self._awaited: list[tuple[bytes, Deferred[None]]] = []

    def pause(self) -> None:
        """Stop reading."""
        cast("IPushProducer", self.transport).pauseProducing()

    def resume(self) -> None:
        """Read on."""
        cast("IPushProducer", self.transport).resumeProducing()

    def until(self, text: bytes) -> Deferred[None]:
        """Wait for a text."""
        seen: Deferred[None] = Deferred()
        self._awaited.append((text, seen))
        self._look(0)
        return seen if seen.called else in_time(seen, f"the answer contains {text!r}")

    def dataReceived(self, data: bytes) -> None:
        """Take bytes."""
        begin = len(self.received)
        self.received += data
        self._look(begin)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # Twisted's
        """Tell it."""
        self.closed.callback(None)

    def _look(self, begin: int) -> None:
        for text, seen in self._awaited:
            if not seen.called and self.received.find(text, max(0, begin - len(text))) >= 0:
                seen.callback(None)

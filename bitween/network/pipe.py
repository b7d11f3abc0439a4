"""Joins two connections: data that one receives, the other sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

#: Bytes that are read ahead while the other end is not connected.
MAX_HELD = 1 << 16
#: Bytes that a connection may buffer for a reader that is slower than the writer.
BUFFER = 1 << 18
#: Seconds that a reader has to take the rest after the other side has gone.
LINGER = 30.0


class Pipe:
    """
    Two ends, each of which is the protocol of one connection.

    The pipe stops reading from an end that writes faster than the other one reads, so it holds
    :data:`BUFFER` bytes a direction and one portion that was already read.  When one direction is
    closed, only that direction is closed at the other end.  When a connection is lost, the other
    one has :data:`LINGER` seconds to take the rest.
    """

    def __init__(
        self,
        clock: IReactorTime,
        passed: Callable[[int, int], None],
        closed: Callable[[Pipe], None],
    ) -> None:
        """
        :param passed: called with bytes that have passed: near to far, and far to near.
        :param closed: called once, when both connections are gone.
        """
        self._clock = clock
        self._passed = passed
        self._closed = closed
        self._lingering: IDelayedCall | None = None
        self._moved_at = clock.seconds()
        self.near = End(self, lambda size: self._moved(size, 0))
        self.far = End(self, lambda size: self._moved(0, size))
        self.near.other, self.far.other = self.far, self.near

    @property
    def idle(self) -> float:
        """Seconds since the last byte in either direction."""
        return self._clock.seconds() - self._moved_at

    def _moved(self, uploaded: int, downloaded: int) -> None:
        self._moved_at = self._clock.seconds()
        self._passed(uploaded, downloaded)

    def abort(self) -> None:
        """Abort both connections; an end that is not connected yet is aborted when it is."""
        for end in (self.near, self.far):
            end.cut()

    def made(self) -> None:
        """Begin to pass data if both ends are connected."""
        if self.near.open and self.far.open:
            self.near.feed()
            self.far.feed()

    def lost(self, end: End) -> None:
        """Close the other end of one that is gone."""
        if end.other.gone:
            if self._lingering is not None and self._lingering.active():
                self._lingering.cancel()
            self._closed(self)
        elif end.other.open:
            end.other.finish()
            self._lingering = self._clock.callLater(LINGER, end.other.cut)
        else:
            end.other.cut()


@implementer(IHalfCloseableProtocol)
class End(Protocol):
    """
    One end of a pipe.

    :ivar other: the other end.
    :ivar open: whether there is a connection.
    :ivar gone: whether the connection has ended, or will never be made.
    """

    other: End
    transport: Any

    def __init__(self, pipe: Pipe, passed: Callable[[int], None]) -> None:
        """:param passed: called with the number of bytes that went from here to the other end."""
        self._pipe = pipe
        self._passed = passed
        self._held = bytearray()
        self._read_closed = self._write_closed = False
        self.open = self.gone = False

    def connectionMade(self) -> None:
        """Begin to pass data if the other end is connected, too."""
        if self.gone:
            self.transport.abortConnection()
            return
        self.open = True
        self.transport.bufferSize = BUFFER
        self._pipe.made()

    def dataReceived(self, data: bytes) -> None:
        """Pass data on; while the other end is not connected, keep some of it."""
        if self.other.open:
            self._passed(len(data))
            self.other.transport.write(data)
            return
        self._held += data
        if len(self._held) > MAX_HELD:
            self.transport.pauseProducing()

    def feed(self) -> None:
        """Begin to pass data on, first what was kept."""
        target = self.other.transport
        self._passed(len(self._held))
        target.write(bytes(self._held))
        self._held.clear()
        if self._read_closed:
            target.loseWriteConnection()
            return
        self.transport.resumeProducing()
        target.registerProducer(self.transport, True)

    def readConnectionLost(self) -> None:
        """Close the same direction at the other end, after the rest is sent."""
        self._read_closed = True
        if self.other.open:
            self.other.transport.unregisterProducer()
            self.other.transport.loseWriteConnection()
            self._finished()
        else:
            # The peer that dialled us has given up before the other end was connected.
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Close the connection if the other direction is closed, too."""
        self._write_closed = True
        self._finished()

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        """Close the other end, after the rest is sent."""
        if self.open:
            self.open, self.gone = False, True
            self._pipe.lost(self)

    def finish(self) -> None:
        """Close when everything is written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def cut(self) -> None:
        """Abort, now or when the connection is made."""
        if self.open:
            self.transport.abortConnection()
        elif not self.gone:
            self.gone = True
            if self.other.gone:
                self._pipe.lost(self)

    def _finished(self) -> None:
        if self._read_closed and self._write_closed:
            self.transport.loseConnection()

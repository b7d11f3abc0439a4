"""Joins two connections, so that what comes over one goes over the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

#: bytes that are read ahead while there is nobody to pass them on to.
MAX_HELD = 1 << 16
#: bytes that a connection may hold for a reader who is slower than the writer.
BUFFER = 1 << 18
#: seconds for a reader to take what is left when the other side has gone.
LINGER = 30.0


class Pipe:
    """
    Two ends, each of which is the protocol of one connection.

    Whoever writes faster than the other side reads is not read from meanwhile, so a pipe holds
    :data:`BUFFER` bytes a direction, and one portion that had been read already.  When one
    direction is closed, only that direction is closed at the other end; when a connection is lost,
    the other one is given :data:`LINGER` seconds to take what is on the way.
    """

    def __init__(
        self,
        clock: IReactorTime,
        passed: Callable[[int, int], None],
        closed: Callable[[Pipe], None],
    ) -> None:
        """
        :param passed: told of bytes that went: from the near end to the far one, and back.
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
        """Seconds in which no byte has gone either way."""
        return self._clock.seconds() - self._moved_at

    def _moved(self, uploaded: int, downloaded: int) -> None:
        self._moved_at = self._clock.seconds()
        self._passed(uploaded, downloaded)

    def abort(self) -> None:
        """Break both connections off; an end that is not connected yet will be cut at once."""
        for end in (self.near, self.far):
            end.cut()

    def made(self) -> None:
        """Let bytes flow if both ends are connected."""
        if self.near.open and self.far.open:
            self.near.feed()
            self.far.feed()

    def lost(self, end: End) -> None:
        """Close what is left when an end is gone."""
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
    :ivar gone: whether there is none any more, or will never be one.
    """

    other: End
    transport: Any

    def __init__(self, pipe: Pipe, passed: Callable[[int], None]) -> None:
        """:param passed: told of the bytes that came in here and went out at the other end."""
        self._pipe = pipe
        self._passed = passed
        self._held = bytearray()
        self._read_closed = self._write_closed = False
        self.open = self.gone = False

    def connectionMade(self) -> None:
        """Join the other end, if that is there."""
        if self.gone:
            self.transport.abortConnection()
            return
        self.open = True
        self.transport.bufferSize = BUFFER
        self._pipe.made()

    def dataReceived(self, data: bytes) -> None:
        """Pass it on; without an other end keep a little of it."""
        if self.other.open:
            self._passed(len(data))
            self.other.transport.write(data)
            return
        self._held += data
        if len(self._held) > MAX_HELD:
            self.transport.pauseProducing()

    def feed(self) -> None:
        """Begin to pass on, with what was kept."""
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
        """Close the same direction at the other end, after what is on the way."""
        self._read_closed = True
        if self.other.open:
            self.other.transport.unregisterProducer()
            self.other.transport.loseWriteConnection()
            self._finished()
        else:
            # Whoever dialled us has given up before there was anybody to talk to.
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Close altogether if nothing comes any more either."""
        self._write_closed = True
        self._finished()

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        """Close the other end, after what is on the way to it."""
        if self.open:
            self.open, self.gone = False, True
            self._pipe.lost(self)

    def finish(self) -> None:
        """Close when everything is written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def cut(self) -> None:
        """Break off, or never begin."""
        if self.open:
            self.transport.abortConnection()
        elif not self.gone:
            self.gone = True
            if self.other.gone:
                self._pipe.lost(self)

    def _finished(self) -> None:
        if self._read_closed and self._write_closed:
            self.transport.loseConnection()

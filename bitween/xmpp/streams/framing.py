"""
The frames of a stream through a proxy, and how to get their ends out of it.

Prosody's proxy passes on 4,096 bytes at a time, and continues with the rest of what it has read
only when more bytes come.  Two sides that each wait for the other's answer would wait forever.  So
a side that has nothing more to send asks the other one whether everything has arrived, until it
says so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITransport
from zope.interface import implementer

#: seconds without anything to send until the first question, and at most between questions.
ASK_AFTER = 0.02
ASK_AT_MOST = 2.0
#: seconds between answers; more frequent questions get none.
ANSWER_EVERY = 0.01

#: After a read of so many bytes, reading pauses for so many seconds: Prosody passes on portions of
#: 4,096 bytes, and each read costs as much as one of hundreds of thousands.
GATHERED = range(4096, 1 << 16)
GATHER = 0.002

_HEADER = struct.Struct("!I")
# The two highest bits of a header are its kind; the others are a size, or a number.
_KINDS = 3 << 30
_QUESTION = 2 << 30
_ANSWER = 3 << 30
_REST = (1 << 30) - 1


def header(size: int) -> bytes:
    """Make the header of a frame of so many bytes, 1 to 2^30 - 1."""
    return _HEADER.pack(size)


def question(number: int) -> bytes:
    """
    Make the question whether everything before it has arrived.

    :param number: the answer repeats it, modulo 2^30.
    """
    return _HEADER.pack(_QUESTION | number & _REST)


def answer(number: int) -> bytes:
    """Make the answer that everything before the question of this number has arrived."""
    return _HEADER.pack(_ANSWER | number & _REST)


class Unframer:
    """Parses frames from chunks of any size; keeps only a part of a header."""

    def __init__(
        self,
        deliver: Callable[[bytes], object],
        asked: Callable[[int], object],
        answered: Callable[[int], object],
    ) -> None:
        """
        :param deliver: gets the content of frames, in pieces as they arrive.
        :param asked: gets the number of every question.
        :param answered: gets the number of every answer.
        """
        self._deliver = deliver
        self._asked = asked
        self._answered = answered
        self._left = 0
        self._header = b""

    def feed(self, data: bytes) -> None:
        """Parse received bytes."""
        at = 0
        while at < len(data):
            if self._left:
                portion = data[at : at + self._left]
                self._left -= len(portion)
                self._deliver(portion)
            else:
                portion = data[at : at + _HEADER.size - len(self._header)]
                self._header += portion
                if len(self._header) == _HEADER.size:
                    self._begin()
            at += len(portion)

    def _begin(self) -> None:
        """Begin a frame."""
        (word,) = _HEADER.unpack(self._header)
        self._header = b""
        kind, rest = word & _KINDS, word & _REST
        if kind == _QUESTION:
            self._asked(rest)
        elif kind == _ANSWER:
            self._answered(rest)
        else:
            self._left = word


@implementer(ITransport)
class FramedTransport:
    """The transport of a protocol whose bytes go in frames over another transport."""

    def __init__(self, clock: IReactorTime, transport: Any, protocol: Any) -> None:
        """
        :param transport: carries the frames, such as a TCP connection's.
        :param protocol: its ``dataReceived`` gets the content of frames.
        """
        self._clock = clock
        self._transport = transport
        self._unframer = Unframer(protocol.dataReceived, self._asked, self._answered)
        self._timer: IDelayedCall | None = None
        self._number = 0
        self._fresh = False
        self._wait = ASK_AFTER
        self._answered_at = -ANSWER_EVERY
        self._gathering: IDelayedCall | None = None
        self._paused = False

    # Everything else is that of the other transport.
    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def received(self, data: bytes) -> None:
        """Take bytes that arrived over the other transport."""
        self._unframer.feed(data)
        if len(data) in GATHERED and not self._paused and not self._transport.disconnecting:
            self._transport.pauseProducing()
            self._gathering = self._clock.callLater(GATHER, self._gathered)

    def pauseProducing(self) -> None:
        """Read nothing for now."""
        self._paused = True
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        self._paused = False
        if self._gathering is None:
            self._transport.resumeProducing()

    def write(self, data: bytes) -> None:
        """Send it."""
        if not data:
            return
        self._transport.writeSequence((header(len(data)), data))
        self._fresh = True
        if self._timer is None and not self._transport.disconnecting:
            self._timer = self._clock.callLater(ASK_AFTER, self._ask)
        elif self._wait > ASK_AFTER and self._timer is not None:
            self._wait = ASK_AFTER
            self._timer.reset(ASK_AFTER)

    def writeSequence(self, data: Any) -> None:
        """
        Send it.

        :param data: an iterable of bytes, sent as one frame.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when everything is sent."""
        self.end()
        self._transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """Close this direction when everything is sent."""
        self._settle()
        self._transport.loseWriteConnection()

    def abortConnection(self) -> None:
        """Close now."""
        self.end()
        self._transport.abortConnection()

    def end(self) -> None:
        """Cancel the timers: the connection is closing."""
        self._settle()
        gathering, self._gathering = self._gathering, None
        if gathering is not None:
            gathering.cancel()

    def _settle(self) -> None:
        """Stop asking: there is an answer, or closing makes the rest arrive."""
        self._wait = ASK_AFTER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask(self) -> None:
        self._timer = None
        if self._fresh:
            # There was something to send until now.
            self._fresh = False
            self._number = (self._number + 1) & _REST
            self._wait = ASK_AFTER
        else:
            self._transport.write(question(self._number))
            self._wait = min(2 * self._wait, ASK_AT_MOST)
        self._timer = self._clock.callLater(self._wait, self._ask)

    def _gathered(self) -> None:
        self._gathering = None
        if not self._paused:
            self._transport.resumeProducing()

    def _asked(self, number: int) -> None:
        now = self._clock.seconds()
        # A side that does not read what we send gets no answers on top; it asks again.
        if self._transport.disconnecting or self._transport.producerPaused:
            return
        if now - self._answered_at >= ANSWER_EVERY:
            self._answered_at = now
            self._transport.write(answer(number))

    def _answered(self, number: int) -> None:
        # An answer to an earlier question says nothing about what was sent since.
        if not self._fresh and number == self._number:
            self._settle()

"""
What goes over a proxy: frames, and a way to have their ends come out of it.

Prosody's proxy passes 4,096 bytes on, and looks at what else it had read only when the next bytes
come.  Where the next ones are sent only in answer to the last ones, they wait for each other.  So
whoever has nothing more to send asks the other side whether it has all, until it says so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITransport
from zope.interface import implementer

#: seconds without anything to send until the other side is asked, and at most between questions.
ASK_AFTER = 0.02
ASK_AT_MOST = 2.0
#: seconds between answers; who asks more often gets none.
ANSWER_EVERY = 0.01

#: A read of as many bytes is followed by a pause of so many seconds: Prosody passes portions of
#: 4,096 bytes on, and each read costs as much as one of hundreds of thousands.
GATHERED = range(4096, 1 << 16)
GATHER = 0.002

_HEADER = struct.Struct("!I")
# The two highest bits of a header say what it begins; the others are bytes to come, or a number.
_KINDS = 3 << 30
_QUESTION = 2 << 30
_ANSWER = 3 << 30
_REST = (1 << 30) - 1


def header(size: int) -> bytes:
    """What comes before so many bytes, 1 to 2^30 - 1."""
    return _HEADER.pack(size)


def question(number: int) -> bytes:
    """Ask whether everything that went before has come out."""
    return _HEADER.pack(_QUESTION | number & _REST)


def answer(number: int) -> bytes:
    """Say that everything has that went before the question of this number."""
    return _HEADER.pack(_ANSWER | number & _REST)


class Unframer:
    """Takes frames apart, however they are cut; keeps no more than a part of a header."""

    def __init__(
        self,
        deliver: Callable[[bytes], object],
        asked: Callable[[int], object],
        answered: Callable[[int], object],
    ) -> None:
        """
        :param deliver: gets the content.
        :param asked: told the number of every question.
        :param answered: told the number of every answer.
        """
        self._deliver = deliver
        self._asked = asked
        self._answered = answered
        self._left = 0
        self._header = b""

    def feed(self, data: bytes) -> None:
        """Take in what came."""
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

    # Where there is nothing to add, it is the other transport.
    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def received(self, data: bytes) -> None:
        """Take in what came over the other transport."""
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
        """Send it."""
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
        """Leave the clock alone: nothing comes any more."""
        self._settle()
        gathering, self._gathering = self._gathering, None
        if gathering is not None:
            gathering.cancel()

    def _settle(self) -> None:
        """Ask no more: there is an answer, or what is closed comes out by itself."""
        self._wait = ASK_AFTER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask(self) -> None:
        self._timer = None
        if self._fresh:
            # Until now there was something to send.
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
        # Who does not take what was sent does not get more by asking, and asks again.
        if self._transport.disconnecting or self._transport.producerPaused:
            return
        if now - self._answered_at >= ANSWER_EVERY:
            self._answered_at = now
            self._transport.write(answer(number))

    def _answered(self, number: int) -> None:
        # One to an earlier question tells nothing of what was sent since.
        if not self._fresh and number == self._number:
            self._settle()

"""One stream within the XMPP stream (XEP-0047), as a Twisted transport."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime, ITransport
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from zope.interface import implementer

from bitween.util.token_bucket import RESERVE, TokenBucket

#: bytes that a stanza carries, before they are encoded.
BLOCK_SIZE = 4096
#: bytes of a stanza with a block in it.
_STANZA = BLOCK_SIZE * 4 // 3 + 300
# bytes that wait to be sent before the writer is held up.
_BUFFER = 4 * BLOCK_SIZE
# Blocks are counted from 0 again after as many (§2.2).
_SEQUENCE = 1 << 16


def stream_limit(most: int) -> int:
    """
    What a stream may carry for a torrent of some size to go through, in bytes.

    :param most: the size of the torrent; its metadata and what peers tell each other come on top.
    """
    return most + most // 8 + (64 << 10)


@implementer(ITransport, IPushProducer)
class InBandStream:
    """
    A stream, and the transport of the protocol that speaks over it.

    A block is sent when the one before was taken, and when the byte budget has room for it; one
    that came is acknowledged when its reader wants more.  So neither side can be flooded.
    """

    disconnecting = False

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        send: Callable[[str, Mapping[str, str], str], Deferred[Any]],
        jid: str,
        resource: str,
        *,
        most: int,
        block_size: int = BLOCK_SIZE,
    ) -> None:
        """
        :param send: sends an element (name, attributes, content) in an IQ to the other side.
        :param most: bytes that may go, both directions together.
        """
        self.jid = jid
        self.resource = resource
        self._clock = clock
        self._budget = budget
        self._send = send
        self._left = most
        self._block_size = block_size
        self._protocol: Any = None
        self._producer: Any = None
        self._producer_paused = False
        self._out = bytearray()
        self._seq_out = self._seq_in = 0
        self._sending = False
        self._timer: IDelayedCall | None = None
        self._paused = True
        self._held: tuple[bytes, Callable[[], None]] | None = None
        self._lost: Failure | None = None
        self._ended: list[Callable[[], object]] = []

    def when_ended(self, call: Callable[[], object]) -> None:
        """Have somebody told, once, when the stream is over, or at once if it is."""
        if self._lost is not None:
            call()
        else:
            self._ended.append(call)

    def begin(self, protocol: Any) -> None:
        """Have a protocol speak over it; nothing was lost that came before."""
        self._protocol = protocol
        protocol.makeConnection(self)
        if self._lost is not None:
            protocol.connectionLost(self._lost)
        else:
            self.resumeProducing()

    def abort(self) -> None:
        """Break off."""
        self.abortConnection()

    def write(self, data: bytes) -> None:
        """Send it, soon."""
        if self._lost is not None or self.disconnecting:
            return
        self._out += data
        producer = self._producer
        if producer is not None and len(self._out) > _BUFFER:
            self._producer_paused = True
            producer.pauseProducing()
        self._go_on()

    def writeSequence(self, data: Any) -> None:
        """Send it, soon."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when everything is sent."""
        self.disconnecting = True
        self._go_on()

    # One direction cannot be closed alone (§2.3).
    loseWriteConnection = loseConnection

    def abortConnection(self) -> None:
        """Close now."""
        if self._lost is None:
            self._close()
            self.lose(Failure(ConnectionAborted()))

    def getPeer(self) -> Any:
        """There is no address."""
        return None

    getHost = getPeer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Hold a producer up while there is too much to send.

        :param streaming: true: one that has to be asked for every portion is not for streams.
        """
        assert streaming
        self._producer, self._producer_paused = producer, False
        if self._lost is not None:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """Go on without it."""
        self._producer = None
        self._go_on()

    def pauseProducing(self) -> None:
        """Hand nothing out for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Hand out again, first what had come."""
        self._paused = False
        held, self._held = self._held, None
        if held is not None:
            self._hand_out(*held)

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    def came(self, seq: int, data: bytes, acknowledge: Callable[[], None]) -> None:
        """
        Take a block in.

        :param acknowledge: to be called when the next one may come.
        :raises StanzaError: if it is none that may come now.
        """
        if seq != self._seq_in or self._held is not None or len(data) > self._block_size:
            self.lose(Failure(ConnectionLost()))
            raise StanzaError("unexpected-request")
        self._seq_in = (seq + 1) % _SEQUENCE
        self._left -= len(data)
        if self._left < 0:
            self._close()
            self.lose(Failure(ConnectionLost()))
            raise StanzaError("resource-constraint")
        if self._paused:
            self._held = data, acknowledge
        else:
            self._hand_out(data, acknowledge)

    def lose(self, reason: Failure) -> None:
        """End, as the other side or the session has."""
        if self._lost is not None:
            return
        self._lost = reason
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._out.clear()
        self._held = None
        for ended in self._ended:
            ended()
        if self._protocol is not None:
            self._protocol.connectionLost(reason)

    def _hand_out(self, data: bytes, acknowledge: Callable[[], None]) -> None:
        acknowledge()
        self._protocol.dataReceived(data)

    def _go_on(self) -> None:
        if self._sending or self._timer is not None or self._lost is not None:
            return
        if not self._out:
            if self.disconnecting:
                self._close()
                self.lose(Failure(ConnectionDone()))
            return
        wait = self._budget.wait(_STANZA, RESERVE)
        if wait > 0:
            self._timer = self._clock.callLater(wait, self._due)
        else:
            self._send_block()

    def _due(self) -> None:
        self._timer = None
        self._go_on()

    def _send_block(self) -> None:
        block = bytes(self._out[: self._block_size])
        self._left -= len(block)
        if self._left < 0:
            self.abortConnection()
            return
        del self._out[: len(block)]
        self._sending = True
        text = base64.b64encode(block).decode()
        taken = self._send("data", {"seq": str(self._seq_out)}, text)
        self._seq_out = (self._seq_out + 1) % _SEQUENCE
        taken.addCallbacks(self._taken, self._not_taken)

    def _taken(self, _: object) -> None:
        self._sending = False
        if self._producer_paused and not self._out and self._producer is not None:
            self._producer_paused = False
            self._producer.resumeProducing()
        self._go_on()

    def _not_taken(self, failure: Failure) -> None:
        self._sending = False
        self.lose(failure)

    def _close(self) -> None:
        self._send("close", {}, "").addErrback(lambda _: None)

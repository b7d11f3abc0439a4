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

from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.session.send_budget import RESERVE

#: bytes of a block, before they are encoded.
BLOCK_SIZE = 4096
#: bytes of a stanza with a block in it.
_STANZA = BLOCK_SIZE * 4 // 3 + 300
# bytes that wait to be sent before the writer is paused.
_BUFFER = 4 * BLOCK_SIZE
# Blocks are counted from 0 again after as many (§2.2).
_SEQUENCE = 1 << 16


def stream_limit(most: int) -> int:
    """
    Compute how many bytes a stream may carry for a torrent to go through.

    :param most: the size of the torrent; its metadata and the peers' messages come on top.
    """
    return most + most // 8 + (64 << 10)


@implementer(ITransport, IPushProducer)
class InBandStream:
    """
    A stream, and the transport of its protocol.

    A block is sent when the last one was acknowledged and the byte budget has room for it.  A block
    that arrives is acknowledged when its reader wants more.  So neither side can be flooded.
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
        :param budget: a block is sent when it has room.
        :param send: sends an element (name, attributes, content) in an IQ to the other side; its
            Deferred fires with the acknowledgement, and fails if there is none.
        :param jid: the other side's bare JID.
        :param most: bytes that may be sent in both directions together.
        :param block_size: bytes of a block at most, before it is encoded.
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
        """
        Call back once when the stream has ended, or now if it has.

        :param call: called without arguments; its result is ignored.
        """
        if self._lost is not None:
            call()
        else:
            self._ended.append(call)

    def begin(self, protocol: Any) -> None:
        """Connect a protocol to it; it receives what has arrived before."""
        self._protocol = protocol
        protocol.makeConnection(self)
        if self._lost is not None:
            protocol.connectionLost(self._lost)
        else:
            self.resumeProducing()

    def abort(self) -> None:
        """Close it now."""
        self.abortConnection()

    def write(self, data: bytes) -> None:
        """Send it when it is its turn."""
        if self._lost is not None or self.disconnecting:
            return
        self._out += data
        producer = self._producer
        if producer is not None and len(self._out) > _BUFFER:
            self._producer_paused = True
            producer.pauseProducing()
        self._send_next()

    def writeSequence(self, data: Any) -> None:
        """
        Send it when it is its turn.

        :param data: an iterable of bytes.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when everything is sent."""
        self.disconnecting = True
        self._send_next()

    # One direction cannot be closed alone (XEP-0047 §2.3).
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
        Pause a producer while too much waits to be sent.

        :param producer: an ``IPushProducer``.
        :param streaming: must be true; pull producers are not supported.
        """
        assert streaming
        self._producer, self._producer_paused = producer, False
        if self._lost is not None:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """Continue without it."""
        self._producer = None
        self._send_next()

    def pauseProducing(self) -> None:
        """Deliver nothing for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Deliver again, first what has arrived."""
        self._paused = False
        held, self._held = self._held, None
        if held is not None:
            self._deliver(*held)

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    def received(self, seq: int, data: bytes, acknowledge: Callable[[], None]) -> None:
        """
        Take a block.

        :param seq: the block's number, which counts from 0, modulo 65536.
        :param data: its content, decoded.
        :param acknowledge: called without arguments when the next block may come.
        :raises StanzaError: if this block may not come now.
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
            self._deliver(data, acknowledge)

    def lose(self, reason: Failure) -> None:
        """
        End the stream: the other side or the session has ended.

        :param reason: handed to the protocol's ``connectionLost``.
        """
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

    def _deliver(self, data: bytes, acknowledge: Callable[[], None]) -> None:
        acknowledge()
        self._protocol.dataReceived(data)

    def _send_next(self) -> None:
        if self._sending or self._timer is not None or self._lost is not None:
            return
        if not self._out:
            if self.disconnecting:
                self._close()
                self.lose(Failure(ConnectionDone()))
            return
        wait = self._budget.delay(_STANZA, RESERVE)
        if wait > 0:
            self._timer = self._clock.callLater(wait, self._due)
        else:
            self._send_block()

    def _due(self) -> None:
        self._timer = None
        self._send_next()

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
        self._send_next()

    def _not_taken(self, failure: Failure) -> None:
        self._sending = False
        self.lose(failure)

    def _close(self) -> None:
        self._send("close", {}, "").addErrback(lambda _: None)

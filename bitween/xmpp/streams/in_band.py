"""
Streams within the XMPP stream (XEP-0047): slow, for small torrents where no server offers a proxy.

:class:`InBand` opens streams and accepts those of contacts; a stream is named by the other side's
full JID and a session id.  :class:`bitween.xmpp.streams.in_band_stream.InBandStream` carries the
bytes, in base64, one block per IQ.  The next block is sent when the last one was acknowledged and
the byte budget has room for it, so in-band streams never delay other stanzas for long.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ, toResponse

from bitween.errors import BitweenError
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_IBB
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.streams.in_band_stream import BLOCK_SIZE, InBandStream, stream_limit
from bitween.xmpp.streams.stream_limits import StreamLimiter

#: The smallest block size of a contact that we accept: smaller ones cost the server too many
#: stanzas.
LEAST_BLOCK_SIZE = 1024
#: seconds for a block to be acknowledged: the server delays what is above its limit, and the other
#: side answers only when it has passed the block on.
_ACK_TIMEOUT = 120
_MAX_SID = 255
_REQUESTS = {
    f"/iq[@type='set']/{name}[@xmlns='{NS_IBB}']": name for name in ("open", "data", "close")
}


class InBand(Extension):
    """Opens streams within the XMPP stream, and accepts those of contacts."""

    features = frozenset({NS_IBB})

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        limiter: StreamLimiter,
        admits: Callable[[str, str], bool],
        accepted: Callable[[InBandStream], None],
        *,
        limit: int,
    ) -> None:
        """
        :param budget: a block is sent when it has room.
        :param limiter: counts the streams that contacts open.
        :param admits: whether a device (bare JID, resource) may open streams to us.
        :param accepted: gets each stream that a contact has opened; it waits for its protocol.
        :param limit: bytes of the largest torrent that may go this way; 0 for no streams at all.
        """
        super().__init__()
        self._clock = clock
        self._budget = budget
        self._limiter = limiter
        self._admits = admits
        self._accepted = accepted
        self.limit = limit
        self._streams: dict[tuple[str, str], InBandStream] = {}

    def connectionInitialized(self) -> None:
        """Listen for streams and their blocks."""
        for path in _REQUESTS:
            self.xmlstream.addObserver(path, self._requested)

    def connectionLost(self, reason: Any) -> None:
        """End all streams: the session is over."""
        super().connectionLost(reason)
        for stream in list(self._streams.values()):
            stream.lose(Failure(ConnectionLost()))

    async def open(self, jid: str, resource: str, sid: str, most: int) -> InBandStream:
        """
        Open a stream (§2.1).

        :param sid: the session id; random.
        :param most: bytes of the largest torrent that may go over it.
        :raises RequestRefused: if the contact refuses.
        :raises NotConnected: if there is no session.
        """
        peer = f"{jid}/{resource}"
        attributes = {"block-size": str(BLOCK_SIZE), "stanza": "iq"}
        try:
            await self._send(peer, sid, "open", attributes, "")
        except Exception as error:
            raise request_error(error) from None
        return self._stream(jid, resource, sid, min(most, self.limit), BLOCK_SIZE)

    def _stream(
        self, jid: str, resource: str, sid: str, most: int, block_size: int
    ) -> InBandStream:
        peer = f"{jid}/{resource}"

        def send(name: str, attributes: Mapping[str, str], content: str) -> Deferred[Any]:
            return self._send(peer, sid, name, attributes, content)

        stream = InBandStream(
            self._clock,
            self._budget,
            send,
            jid,
            resource,
            most=stream_limit(most),
            block_size=block_size,
        )
        self._streams[peer, sid] = stream
        stream.when_ended(lambda: self._streams.pop((peer, sid), None))
        return stream

    def _send(
        self, peer: str, sid: str, name: str, attributes: Mapping[str, str], content: str
    ) -> Deferred[Any]:
        if self.xmlstream is None:
            return fail(ConnectionLost())
        iq = IQ(self.xmlstream, "set")
        iq.timeout = _ACK_TIMEOUT
        element = iq.addElement((NS_IBB, name), content=content or None)
        element["sid"] = sid
        for attribute, value in attributes.items():
            element[attribute] = value
        answer: Deferred[Any] = iq.send(peer)
        return answer

    def _requested(self, iq: Element) -> None:
        sender = iq.getAttribute("from", "")
        jid, resource = split(sender)
        element: Any = iq.firstChildElement()
        sid = element.getAttribute("sid", "")
        stream = self._streams.get((sender, sid))
        if stream is None and not (resource and self._admits(jid, resource)):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        try:
            if element.name == "open":
                self._opened(iq, element, jid, resource)
            elif stream is None:
                raise StanzaError("item-not-found")
            elif element.name == "data":
                stream.received(*_block(element), lambda: self._acknowledge(iq))
            else:
                self._acknowledge(iq)
                stream.lose(Failure(ConnectionDone()))
        except StanzaError as error:
            self.send(error.toResponse(iq))

    def _opened(self, iq: Element, element: Element, jid: str, resource: str) -> None:
        sid = element.getAttribute("sid", "")
        size = element.getAttribute("block-size", "")
        wanted = int(size) if size.isascii() and size.isdigit() and len(size) <= 5 else 0
        by_message = element.getAttribute("stanza", "iq") != "iq"
        known = (f"{jid}/{resource}", sid) in self._streams
        if not 0 < len(sid) <= _MAX_SID or not wanted or known:
            raise StanzaError("bad-request")
        if not self.limit or by_message or wanted < LEAST_BLOCK_SIZE:
            raise StanzaError("not-acceptable")
        if wanted > BLOCK_SIZE:
            raise StanzaError("resource-constraint")
        try:
            self._limiter.check_rate(jid)
            release = self._limiter.acquire(jid)
        except BitweenError:
            raise StanzaError("resource-constraint", type="wait") from None
        stream = self._stream(jid, resource, sid, self.limit, wanted)
        stream.when_ended(release)
        self._acknowledge(iq)
        self._accepted(stream)

    def _acknowledge(self, iq: Element) -> None:
        if self.xmlstream is not None:
            self.send(toResponse(iq, "result"))


def _block(element: Element) -> tuple[int, bytes]:
    """
    Read a block: its number, and its bytes.

    :raises StanzaError: if it is malformed.
    """
    seq = element.getAttribute("seq", "")
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 5):
        raise StanzaError("bad-request")
    try:
        return int(seq), base64.b64decode(str(element).strip(), validate=True)
    except (binascii.Error, ValueError):
        raise StanzaError("bad-request") from None

"""Byte streams to contacts, through what either server offers (docs/protocol.rst)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.xish import domish
from wokkel.subprotocols import XMPPHandlerCollection

from bitween.errors import RequestRefused
from bitween.model.jid import MAX_JID
from bitween.model.route import RelayRoute
from bitween.model.text import printable
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.session.errors import no_session, request_error
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.streams.bytestreams import Bytestreams
from bitween.xmpp.streams.in_band import InBand
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.relay_server import RelayServer
from bitween.xmpp.streams.stream_limits import StreamLimiter

#: bytes of the largest torrent that goes in band, by default.
IN_BAND_LIMIT = 1_000_000

# bytes of a request to a contact.
_REQUEST_SIZE = 300
# digits of a number of bytes.
_MAX_DIGITS = 18


class ByteStream(Protocol):
    """
    A stream of bytes to one device, which waits for its protocol.

    :ivar jid: the bare JID of the other side.
    :ivar resource: the resource of the other side.
    """

    jid: str
    resource: str

    def begin(self, protocol: Any) -> None:
        """
        Connect a protocol to it.

        :param protocol: an ``IProtocol``; it receives what has arrived before.
        """

    def abort(self) -> None:
        """Close it now."""

    def when_ended(self, call: Callable[[], None]) -> None:
        """
        Call back once when it has ended.

        :param call: called without arguments; at once if the stream has ended already.
        """


class Streams(Extension):
    """
    Opens streams to contacts, and accepts theirs.

    A stream goes through a proxy of our server.  If that has none, the contact is asked to open one
    to us through a proxy of theirs, since proxies may serve their own users only.  If neither
    server has one, it goes in band.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        budget: TokenBucket,
        proxies: Proxies,
        admits: Callable[[str, str], bool],
        in_band_limit: int = IN_BAND_LIMIT,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param budget: requests and in-band blocks wait for room in it.
        :param proxies: finds our server's proxies, and checks those that contacts offer.
        :param admits: whether a device (bare JID, resource) may have streams with us.
        :param in_band_limit: bytes of the largest torrent that goes in band; 0 for none.
        """
        super().__init__()
        self._budget = budget
        self._proxies = proxies
        self._admits = admits
        self._limiter = limiter = StreamLimiter(reactor)
        self._bytestreams = Bytestreams(reactor, proxies, limiter, admits, self._accepted)
        self._in_band = InBand(
            reactor, budget, limiter, admits, self._accepted, limit=in_band_limit
        )
        self._relay_server = RelayServer(
            proxies, self._bytestreams, limiter, admits, self._accepted, in_band_limit=in_band_limit
        )
        self._taker: Callable[[Any], None] | None = None

    def setHandlerParent(self, parent: XMPPHandlerCollection) -> None:
        """
        Add the extensions for the kinds of streams, too.

        :param parent: usually the :class:`bitween.xmpp.session.client.Client`.
        """
        super().setHandlerParent(parent)
        self._bytestreams.setHandlerParent(parent)
        self._in_band.setHandlerParent(parent)
        self._relay_server.setHandlerParent(parent)

    def accept(self, taker: Callable[[Any], None]) -> None:
        """
        Set what receives the streams that contacts open.

        :param taker: gets each stream, a :class:`ByteStream` that waits for its protocol.
        """
        self._taker = taker

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """
        Set what makes room for the next attempt when a stream is refused because of the limit.

        :param make_room: gets the bare JID of the contact that the refused stream is with.
        """
        self._limiter.when_crowded(make_room)

    def find_relay(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which way streams to a device would go; this may ask the device.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is no way; its hint says what would help.
        """
        return Deferred.fromCoroutine(self._find_relay(jid, resource))

    def open(self, jid: str, resource: str) -> Deferred[Any]:
        """
        Open a stream to a device.

        :returns: fires with the stream, which waits for its protocol.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is no way, or too many streams are open.
        """
        return Deferred.fromCoroutine(self._open(jid, resource))

    async def _find_relay(self, jid: str, resource: str) -> RelayRoute:
        self._check_session()
        own = await self._proxies.own()
        if own:
            return RelayRoute(own[0])
        answer = await self._ask(jid, resource)
        proxy = answer.getAttribute("proxy", "")
        if 0 < len(proxy) <= MAX_JID:
            return RelayRoute(printable(proxy))
        most = min(self._in_band.limit, _size(answer.getAttribute("in-band", "")))
        if most > 0:
            return RelayRoute(most=most)
        raise RequestRefused.of("request_refused.no_relay")

    async def _open(self, jid: str, resource: str) -> ByteStream:
        release = self._limiter.acquire(jid)
        try:
            stream = await self._opened(jid, resource)
        except BaseException:
            release()
            raise
        stream.when_ended(release)
        return stream

    async def _opened(self, jid: str, resource: str) -> ByteStream:
        relay = await self._find_relay(jid, resource)
        sid = secrets.token_hex(16)
        if relay.most is not None:
            return await self._in_band.open(jid, resource, sid, relay.most)
        if not await self._proxies.own():
            return await self._opened_by_peer(jid, resource, sid)
        try:
            return await self._bytestreams.open(jid, resource, sid)
        except RequestRefused as error:
            self._log.debug("not through {proxy}: {why}", proxy=relay.through, why=str(error))
            if not (await self._ask(jid, resource)).getAttribute("proxy"):
                raise
            return await self._opened_by_peer(jid, resource, secrets.token_hex(16))

    async def _opened_by_peer(self, jid: str, resource: str, sid: str) -> ByteStream:
        """Ask the other side to open a stream to us."""
        expected = self._bytestreams.expect(jid, resource, sid)
        offered: list[Any] = []
        expected.addCallbacks(offered.append, lambda _: None)
        try:
            await self._ask(jid, resource, sid)
        except BaseException:
            expected.cancel()
            for stream in offered:
                stream.abort()
            raise
        if not offered:
            expected.cancel()
            raise RequestRefused.of("request_refused.not_opened")
        opened: ByteStream = offered[0]
        return opened

    async def _ask(self, jid: str, resource: str, sid: str = "") -> Any:
        """
        Ask a device what it can relay, or to open a stream to us.

        :param sid: names the stream; empty to ask only.
        """
        await self._budget.room(_REQUEST_SIZE, RESERVE)
        self._check_session()
        relay: Element = domish.Element((NS_BITWEEN, "relay"))
        if sid:
            relay["sid"] = sid
        try:
            iq = await self.send_iq("set" if sid else "get", relay, f"{jid}/{resource}")
        except Exception as error:
            raise request_error(error) from None
        answer = iq.firstChildElement()
        if not sid and (answer is None or answer.name != "relay"):
            raise RequestRefused.of("request_refused.relay_unknown")
        return answer

    def _check_session(self) -> None:
        if self.xmlstream is None or not self.parent.online:
            raise no_session()

    def _accepted(self, stream: ByteStream) -> None:
        # The contact may have been removed while a proxy took its time.
        if self._taker is None or not self._admits(stream.jid, stream.resource):
            stream.abort()
        else:
            self._taker(stream)


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else 0

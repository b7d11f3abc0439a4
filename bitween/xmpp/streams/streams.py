"""Streams to contacts, through whatever either server offers (docs/protocol.rst)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse
from twisted.words.xish import domish

from bitween.errors import BitweenError, RequestRefused
from bitween.model.jid import MAX_JID
from bitween.model.relay_route import RelayRoute
from bitween.model.text import printable
from bitween.util.token_bucket import RESERVE, TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.session.errors import no_session, request_error
from bitween.xmpp.streams.bytestreams import Bytestreams
from bitween.xmpp.streams.in_band import InBand
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.stream_limits import StreamLimiter

#: bytes of the largest torrent that goes in band, unless it is said otherwise.
IN_BAND_LIMIT = 1_000_000

# bytes of a question to a contact.
_REQUEST_SIZE = 300
_MAX_SID = 255
# of a number of bytes.
_MAX_DIGITS = 18
_QUESTION = f"/iq[@type='get']/relay[@xmlns='{NS_BITWEEN}']"
_REQUEST = f"/iq[@type='set']/relay[@xmlns='{NS_BITWEEN}']"


class ByteStream(Protocol):
    """A stream of bytes to one resource, which waits for its protocol."""

    jid: str
    resource: str

    def begin(self, protocol: Any) -> None:
        """Have a protocol speak over it."""

    def abort(self) -> None:
        """Give it up."""

    def when_ended(self, call: Callable[[], None]) -> None:
        """Have somebody told when it is over."""


class Streams(Extension):
    """
    Opens streams to contacts, and takes theirs.

    A stream goes through a proxy of our server; where that has none, the contact is asked to open
    one to us through a proxy of theirs, since proxies may serve their own users only; where neither
    has one, it goes in band.
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
        :param admits: whether a resource (bare JID, resource) may have streams with us.
        :param in_band_limit: bytes of the largest torrent that goes in band; 0 for none.
        """
        super().__init__()
        self._budget = budget
        self._proxies = proxies
        self._admits = admits
        self._limiter = limiter = StreamLimiter(reactor)
        self._bytestreams = Bytestreams(reactor, proxies, limiter, admits, self._accepted)
        self._in_band = InBand(
            *(reactor, budget, limiter, admits, self._accepted), limit=in_band_limit
        )
        self._taker: Callable[[Any], None] | None = None

    def setHandlerParent(self, parent: Any) -> None:
        """Bring those along who do the parts."""
        super().setHandlerParent(parent)
        self._bytestreams.setHandlerParent(parent)
        self._in_band.setHandlerParent(parent)

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_QUESTION, self._asked)
        self.xmlstream.addObserver(_REQUEST, self._asked)

    # ---- the port

    def accept(self, taker: Callable[[Any], None]) -> None:
        """
        Have everything that contacts open to us given to somebody.

        :param taker: gets a stream that waits to be begun.
        """
        self._taker = taker

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """
        Have room made for the next try where a stream is refused since too many are open.

        :param make_room: gets the bare JID of the contact that the refused stream is with.
        """
        self._limiter.when_crowded(make_room)

    def passage(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which way streams to a resource would go; the resource is asked if needed.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is no way, with what would help.
        """
        return Deferred.fromCoroutine(self._passage(jid, resource))

    def open(self, jid: str, resource: str) -> Deferred[Any]:
        """
        Open a stream to a resource.

        :returns: fires with the stream, which waits to be begun.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if that cannot be, or too many are open.
        """
        return Deferred.fromCoroutine(self._open(jid, resource))

    # ---- we ask

    async def _passage(self, jid: str, resource: str) -> RelayRoute:
        self._check_session()
        own = await self._proxies.own()
        if own:
            return RelayRoute(own[0])
        answer = await self._ask(jid, resource)
        theirs = answer.getAttribute("proxy", "")
        if 0 < len(theirs) <= MAX_JID:
            return RelayRoute(printable(theirs))
        most = min(self._in_band.limit, _size(answer.getAttribute("in-band", "")))
        if most > 0:
            return RelayRoute(most=most)
        raise RequestRefused(
            "neither XMPP server offers a relay",
            "ask the administrator of one of them to enable proxy65 (XEP-0065)",
            detail="no_relay",
        )

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
        passage = await self._passage(jid, resource)
        sid = secrets.token_hex(16)
        if passage.most is not None:
            return await self._in_band.open(jid, resource, sid, passage.most)
        if not await self._proxies.own():
            return await self._opened_by_them(jid, resource, sid)
        try:
            return await self._bytestreams.open(jid, resource, sid)
        except RequestRefused as error:
            self._log.debug("not through {proxy}: {why}", proxy=passage.through, why=str(error))
            if not (await self._ask(jid, resource)).getAttribute("proxy"):
                raise
            return await self._opened_by_them(jid, resource, secrets.token_hex(16))

    async def _opened_by_them(self, jid: str, resource: str, sid: str) -> ByteStream:
        """Have the other side open a stream to us."""
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
            raise RequestRefused("the contact's program said that it had opened a stream")
        opened: ByteStream = offered[0]
        return opened

    async def _ask(self, jid: str, resource: str, sid: str = "") -> Any:
        """
        Ask a resource what it can do for a relay, or to open a stream to us.

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
            raise RequestRefused(
                "the contact's program does not say how it could be relayed to",
                detail="relay_unknown",
            )
        return answer

    def _check_session(self) -> None:
        if self.xmlstream is None or not self.parent.online:
            raise no_session()

    # ---- they ask

    def _asked(self, iq: Any) -> None:
        jid, resource = split(iq.getAttribute("from"))
        if not resource or not self._admits(jid, resource):
            # The fallback answers as to any request that it does not know.
            return
        iq.handled = True
        Deferred.fromCoroutine(self._answer(iq, jid, resource)).addErrback(
            lambda failure: self._log.failure("answering", failure)
        )

    async def _answer(self, iq: Any, jid: str, resource: str) -> None:
        answer = toResponse(iq, "result")
        try:
            self._limiter.check_rate(jid)
            if iq.getAttribute("type") == "get":
                await self._describe(answer.addElement((NS_BITWEEN, "relay")))
            else:
                await self._open_for(jid, resource, iq.relay.getAttribute("sid", ""))
        except BitweenError as error:
            self._log.debug("no relay for {jid}: {why}", jid=printable(jid), why=str(error))
            answer = StanzaError("resource-constraint", type="wait").toResponse(iq)
        except StanzaError as error:
            answer = error.toResponse(iq)
        if self.xmlstream is not None:
            self.send(answer)

    async def _describe(self, relay: Any) -> None:
        proxies = await self._proxies.own()
        if proxies:
            relay["proxy"] = proxies[0]
        if self._in_band.limit:
            relay["in-band"] = str(self._in_band.limit)

    async def _open_for(self, jid: str, resource: str, sid: str) -> None:
        """
        Open a stream that somebody has asked for, and take it as one that they have opened.

        :raises StanzaError: if that was not asked for rightly, or there is no proxy here.
        """
        if not 0 < len(sid) <= _MAX_SID:
            raise StanzaError("bad-request")
        if not await self._proxies.own():
            raise StanzaError("item-not-found")
        release = self._limiter.acquire(jid)
        try:
            stream = await self._bytestreams.open(jid, resource, sid)
        except BaseException:
            release()
            raise
        stream.when_ended(release)
        self._accepted(stream)

    def _accepted(self, stream: ByteStream) -> None:
        # Whoever has opened it may have been removed while a proxy took its time.
        if self._taker is None or not self._admits(stream.jid, stream.resource):
            stream.abort()
        else:
            self._taker(stream)


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else 0

"""Answers contacts that ask how to relay a stream to us, or to open one to them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import BitweenError
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.streams.bytestreams import Bytestreams
from bitween.xmpp.streams.proxied_stream import ProxiedStream
from bitween.xmpp.streams.proxies import Proxies
from bitween.xmpp.streams.stream_limits import StreamLimiter

_MAX_SID = 255
_QUESTION = f"/iq[@type='get']/relay[@xmlns='{NS_BITWEEN}']"
_REQUEST = f"/iq[@type='set']/relay[@xmlns='{NS_BITWEEN}']"


class RelayServer(Extension):
    """
    Says what our side can relay, and opens a stream through our server's proxy on request.

    A contact whose server has no proxy asks for that, since proxies may serve their own users only.
    """

    _log = Logger()

    def __init__(
        self,
        proxies: Proxies,
        bytestreams: Bytestreams,
        limiter: StreamLimiter,
        admits: Callable[[str, str], bool],
        accepted: Callable[[ProxiedStream], None],
        *,
        in_band_limit: int,
    ) -> None:
        """
        :param proxies: finds our server's proxies.
        :param bytestreams: opens the requested streams.
        :param limiter: counts these streams, and limits the requests.
        :param admits: whether a device (bare JID, resource) may have streams with us.
        :param accepted: gets the streams that are opened on request, as if the contact had opened
            them.
        :param in_band_limit: bytes of the largest torrent that goes in band; 0 for none.
        """
        super().__init__()
        self._proxies = proxies
        self._bytestreams = bytestreams
        self._limiter = limiter
        self._admits = admits
        self._accepted = accepted
        self._in_band_limit = in_band_limit

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_QUESTION, self._requested)
        self.xmlstream.addObserver(_REQUEST, self._requested)

    def _requested(self, iq: Element) -> None:
        jid, resource = split(iq.getAttribute("from"))
        if not resource or not self._admits(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        Deferred.fromCoroutine(self._answer(iq, jid, resource)).addErrback(
            lambda failure: self._log.failure("answering", failure)
        )

    async def _answer(self, iq: Element, jid: str, resource: str) -> None:
        answer: Element = toResponse(iq, "result")
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

    async def _describe(self, relay: Element) -> None:
        proxies = await self._proxies.own()
        if proxies:
            relay["proxy"] = proxies[0]
        if self._in_band_limit:
            relay["in-band"] = str(self._in_band_limit)

    async def _open_for(self, jid: str, resource: str, sid: str) -> None:
        """
        Open the requested stream, and accept it as one that the contact has opened.

        :raises StanzaError: if the request is malformed, or our server has no proxy.
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

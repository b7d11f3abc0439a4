"""
Streams through the proxy of an XMPP server (XEP-0065, mediated).

The initiator offers proxies by IQ; the target connects to one of them and names it; the initiator
connects too, and activates the stream.  Both ask the proxy for the same name, a hash of the session
id and both JIDs (:func:`stream_name`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, connectProtocol
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse
from twisted.words.xish import domish

from bitween.errors import BitweenError, RequestRefused
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BYTESTREAMS
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.streams.proxied_stream import ProxiedStream
from bitween.xmpp.streams.proxies import Proxies, Proxy, proxies_in
from bitween.xmpp.streams.stream_limits import StreamLimiter

#: seconds for a proxy to accept a connection, and as many for the SOCKS5 negotiation.
CONNECT_TIMEOUT = 5
#: Proxies of an offer that are tried, and addresses of each.
MAX_TRIED = 2

_MAX_SID = 255
_OFFER = f"/iq[@type='set']/query[@xmlns='{NS_BYTESTREAMS}']"


class Bytestreams(Extension):
    """
    Opens streams through our server's proxies, and accepts those through contacts' proxies.
    """

    features = frozenset({NS_BYTESTREAMS})

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        proxies: Proxies,
        limiter: StreamLimiter,
        admits: Callable[[str, str], bool],
        accepted: Callable[[ProxiedStream], None],
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param proxies: finds our server's proxies, and checks those that contacts offer.
        :param limiter: counts the streams that contacts open.
        :param admits: whether a device (bare JID, resource) may open streams to us.
        :param accepted: gets each stream that a contact has opened; it waits for its protocol.
        """
        super().__init__()
        self._reactor = reactor
        self._proxies = proxies
        self._limiter = limiter
        self._admits = admits
        self._accepted = accepted
        self._expected: dict[tuple[str, str], Deferred[ProxiedStream]] = {}

    def connectionInitialized(self) -> None:
        """Listen for offers."""
        self.xmlstream.addObserver(_OFFER, self._offer_received)

    async def open(self, jid: str, resource: str, sid: str) -> ProxiedStream:
        """
        Open a stream through a proxy of our server (XEP-0065 §6).

        :param sid: the session id; random.
        :raises RequestRefused: if no proxy of our server connects us.
        :raises NotConnected: if there is no session.
        """
        peer, own = f"{jid}/{resource}", self.parent.jid.full()
        offered = [
            await self._proxies.address(proxy)
            for proxy in islice(await self._proxies.own(), MAX_TRIED)
        ]
        used = await self._offer(peer, sid, offered)
        addresses = await self._proxies.resolve(used.host)
        name = stream_name(sid, own, peer)
        stream, _ = await self._dial(used, addresses[:MAX_TRIED], name, jid, resource)
        try:
            await self._activate(used.jid, sid, peer)
        except BaseException:
            stream.abort()
            raise
        return stream

    async def _offer(self, peer: str, sid: str, offered: Sequence[Proxy]) -> Proxy:
        query = _query(sid)
        query["mode"] = "tcp"
        for proxy in offered:
            host = query.addElement("streamhost")
            host["jid"], host["host"], host["port"] = proxy.jid, proxy.host, str(proxy.port)
        try:
            iq = await self.send_iq("set", query, peer)
        except Exception as error:
            raise request_error(error) from None
        answer = iq.firstChildElement()
        children = [] if answer is None else answer.elements(NS_BYTESTREAMS, "streamhost-used")
        names = [used.getAttribute("jid") for used in children]
        for proxy in offered:
            if proxy.jid in names:
                return proxy
        raise RequestRefused.of("request_refused.other_proxy")

    async def _activate(self, proxy: str, sid: str, peer: str) -> None:
        query = _query(sid)
        query.addElement("activate", content=peer)
        try:
            await self.send_iq("set", query, proxy)
        except Exception as error:
            why = request_error(error)
            raise RequestRefused.of(
                "request_refused.no_relaying", proxy=proxy, why=str(why)
            ) from None

    def expect(self, jid: str, resource: str, sid: str) -> Deferred[ProxiedStream]:
        """
        Accept the stream of this session id, which we have asked for.

        Cancelling the Deferred ends the waiting.

        :param sid: the session id in our request.
        :returns: fires when the proxy has accepted our connection, before the other side's.
        """
        key = f"{jid}/{resource}", sid

        def forget(result: Any) -> Any:
            self._expected.pop(key, None)
            return result

        self._expected[key] = Deferred()
        return self._expected[key].addBoth(forget)

    def _offer_received(self, iq: Element) -> None:
        sender = iq.getAttribute("from", "")
        jid, resource = split(sender)
        if not resource or not self._admits(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        query = next(iq.elements(NS_BYTESTREAMS, "query"))
        sid = query.getAttribute("sid", "")
        offered = list(islice(proxies_in(query), MAX_TRIED))
        if not 0 < len(sid) <= _MAX_SID or query.getAttribute("mode", "tcp") != "tcp":
            self.send(StanzaError("bad-request").toResponse(iq))
            return
        Deferred.fromCoroutine(self._answer(iq, jid, resource, sid, offered)).addErrback(
            lambda failure: self._log.failure("answering an offer", failure)
        )

    async def _answer(
        self, iq: Element, jid: str, resource: str, sid: str, offered: Sequence[Proxy]
    ) -> None:
        waiting = self._expected.pop((f"{jid}/{resource}", sid), None)
        release: Callable[[], None] = _nothing
        try:
            if waiting is None:
                self._limiter.check_rate(jid)
                release = self._limiter.acquire(jid)
            name = stream_name(sid, f"{jid}/{resource}", self.parent.jid.full())
            stream, used = await self._take(offered, name, jid, resource)
        except BaseException as error:
            release()
            if waiting is not None and not waiting.called:
                waiting.errback(error)
            if not isinstance(error, BitweenError):
                raise
            self._log.debug("no stream from {jid}: {why}", jid=printable(jid), why=str(error))
            # §6.3.3 and §9: none of the hosts could be used.
            self._reply(StanzaError("item-not-found").toResponse(iq))
            return
        stream.when_ended(release)
        answer = toResponse(iq, "result")
        answer.addElement((NS_BYTESTREAMS, "query")).addElement("streamhost-used")["jid"] = used
        answer.query["sid"] = sid
        given_up = waiting is not None and waiting.called
        if given_up or not self._reply(answer):
            stream.abort()
        elif waiting is not None:
            waiting.callback(stream)
        else:
            self._accepted(stream)

    def _reply(self, stanza: Element) -> bool:
        """Send an answer, if there still is a session."""
        if self.xmlstream is None:
            return False
        self.send(stanza)
        return True

    async def _take(
        self, offered: Sequence[Proxy], name: str, jid: str, resource: str
    ) -> tuple[ProxiedStream, str]:
        """Connect to the first usable proxy of an offer; return the stream and the proxy's JID."""
        why: BitweenError = RequestRefused.of("request_refused.no_proxy")
        for proxy in offered:
            try:
                checked = await self._proxies.checked(proxy, jid.partition("@")[2])
                places = await self._proxies.places(jid, checked, MAX_TRIED)
                stream, address = await self._dial(checked, places, name, jid, resource)
                self._proxies.relayed(jid, address, checked.port)
                return stream, proxy.jid
            except BitweenError as error:
                why = error
        raise why if isinstance(why, RequestRefused) else RequestRefused(why.message, why.hint)

    async def _dial(
        self, proxy: Proxy, addresses: Sequence[str], name: str, jid: str, resource: str
    ) -> tuple[ProxiedStream, str]:
        """
        Connect to a proxy, and request the stream by its name.

        :returns: the stream, and the address that worked.
        :raises RequestRefused: if no address works.
        """
        if not addresses:
            raise RequestRefused.of("request_refused.proxy_address", proxy=printable(proxy.jid))
        why = ""
        for address in addresses:
            kind: Any = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
            endpoint = kind(self._reactor, address, proxy.port, CONNECT_TIMEOUT)
            stream = ProxiedStream(self._reactor, name, jid, resource)
            try:
                await connectProtocol(endpoint, stream)
                await stream.ready.addTimeout(CONNECT_TIMEOUT, self._reactor)
            except Exception as error:
                why = printable(str(error) or type(error).__name__)
            else:
                return stream, address
        raise RequestRefused.of(
            "request_refused.proxy_unreachable", proxy=printable(proxy.jid), why=why
        )


def stream_name(sid: str, initiator: str, target: str) -> str:
    """
    Compute the name by which a proxy knows a stream (XEP-0065 §5.3.2).

    :param sid: the session id.
    :param initiator: the full JID that has offered the stream.
    :param target: the full JID that got the offer.
    :returns: 40 hexadecimal digits.
    """
    # The XEP fixes the function.
    return hashlib.sha1(f"{sid}{initiator}{target}".encode(), usedforsecurity=False).hexdigest()


def _nothing() -> None:
    """Do nothing: no stream was counted."""


def _query(sid: str) -> Element:
    query: Element = domish.Element((NS_BYTESTREAMS, "query"))
    query["sid"] = sid
    return query

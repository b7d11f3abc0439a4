"""
Asking for access to a share that is listed with a lock (docs/protocol.rst, "Restricted lists").

The answer says only that the owner will see the request: not whether there is such a share.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse
from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.util.limiter import KeyedLimiter
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.session.errors import request_error

#: Requests of a bare JID, and the seconds in which they may come.
REQUESTS = (20, 86400)
#: seconds for an answer.
ANSWER_TIMEOUT = 15

_ASK = f"/iq[@type='set']/ask[@xmlns='{NS_BITWEEN_2}']"

#: Takes the request of a contact (bare JID, resource) for a share.
AccessService = Callable[[str, str, InfoHash], None]


class AccessRequests(Extension):
    """Asks owners for access, and takes the requests of others."""

    def __init__(self, clock: IReactorTime, is_mutual: Callable[[str, str], bool]) -> None:
        """
        :param is_mutual: whether a device (bare JID, resource) is online and we see each other's
            presence.
        """
        super().__init__()
        self._is_mutual = is_mutual
        self._service: AccessService | None = None
        self._limit = KeyedLimiter[str].of_requests(clock, *REQUESTS)

    def serve(self, service: AccessService) -> None:
        """
        Use this service from now on; until then requests get the answer of a client without it.

        :param service: called with a bare JID, a resource, and the info-hash of any share.
        """
        self._service = service

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_ASK, self._asked)

    async def ask(self, jid: str, resource: str, info_hash: InfoHash) -> None:
        """
        Ask the owner of a share for access.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, or does not answer.
        """
        content: Element = domish.Element((NS_BITWEEN_2, "ask"))
        content["hash"] = info_hash
        try:
            await self.send_iq("set", content, f"{jid}/{resource}", ANSWER_TIMEOUT)
        except CancelledError:
            raise
        except Exception as error:
            raise request_error(error) from None

    def _asked(self, iq: Element) -> None:
        jid, resource = split(iq.getAttribute("from", ""))
        if self._service is None or not resource or not self._is_mutual(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        if not self._limit.allow(jid):
            self.send(StanzaError("policy-violation", "wait").toResponse(iq))
            return
        try:
            info_hash = parse_info_hash(next(iq.elements(NS_BITWEEN_2, "ask")).getAttribute("hash"))
        except InvalidValue:
            self.send(StanzaError("bad-request").toResponse(iq))
            return
        self._service(jid, resource, info_hash)
        self.send(toResponse(iq, "result"))

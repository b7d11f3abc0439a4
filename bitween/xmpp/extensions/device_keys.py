"""
The keys to which something can be sealed: asks devices for theirs, and tells ours.

They are too long for the PEP item.  A device signs its key with the key of its announcement, so a
server cannot put its own in its place.  Only devices with which we share presence in both
directions get an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse
from twisted.words.xish import domish

from bitween.crypto.device_key import KEM_LENGTH
from bitween.errors import InvalidValue, RequestRefused
from bitween.model import base64url
from bitween.model.text import printable
from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.statements import Signed, Statements, parse_key, parse_signed

#: Requests of a bare JID, and the seconds in which they may come.
REQUESTS = (30, 60)
#: seconds for an answer.
ANSWER_TIMEOUT = 15

_KIND = "keys"
_REQUEST = f"/iq[@type='get']/keys[@xmlns='{NS_BITWEEN_2}']"
# bytes of a request, and of an answer.
_REQUEST_SIZE = 250
_ANSWER_SIZE = 2200


class DeviceKeys(Extension):
    """Asks devices for their keys for sealing, once a session, and answers them."""

    features = frozenset({NS_BITWEEN_2})

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        statements: Statements,
        is_mutual: Callable[[str, str], bool],
    ) -> None:
        """
        :param budget: requests and answers wait until it has room.
        :param is_mutual: whether a device (bare JID, resource) is online and we see each other's
            presence.
        """
        super().__init__()
        self._budget = budget
        self._statements = statements
        self._is_mutual = is_mutual
        self._limit = KeyedLimiter[str].of_requests(clock, *REQUESTS)
        # By device: its signing key and its key for sealing.
        self._known: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_REQUEST, self._requested)

    def connectionLost(self, reason: Any) -> None:
        """Forget the keys: the session is over."""
        super().connectionLost(reason)
        self._known.clear()

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget the key of a device."""
        self._known.pop((jid, resource), None)

    async def kem(self, jid: str, resource: str) -> bytes:
        """
        Return the public key for sealing to a device.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device does not answer, or with something that the key of its
            announcement has not signed.
        """
        signing = self._statements.devices.key(jid, resource)
        known = self._known.get((jid, resource))
        if known is not None and known[0] == signing:
            return known[1]
        to = f"{jid}/{resource}"
        if not signing:
            raise RequestRefused.of("request_refused.keyless", who=printable(to))
        kem = await self._ask(jid, resource)
        if self._is_mutual(jid, resource):
            self._known[jid, resource] = signing, kem
        return kem

    async def _ask(self, jid: str, resource: str) -> bytes:
        to = f"{jid}/{resource}"
        try:
            await self._budget.room(_REQUEST_SIZE, RESERVE)
            request = domish.Element((NS_BITWEEN_2, "keys"))
            answer: Element = await self.send_iq("get", request, to, ANSWER_TIMEOUT)
            signed, key, kem = _parse(next(answer.elements(NS_BITWEEN_2, "keys")))
        except CancelledError:
            raise
        except (InvalidValue, StopIteration):
            raise _refused(to) from None
        except Exception as error:
            raise request_error(error) from None
        content = _content(key, kem)
        if key != self._statements.devices.key(jid, resource) or not self._statements.accepts(
            _KIND, jid, resource, signed, content
        ):
            raise _refused(to)
        return kem

    def _requested(self, iq: Element) -> None:
        jid, resource = split(iq.getAttribute("from", ""))
        if not resource or not self._is_mutual(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return
        iq.handled = True
        if not self._limit.allow(jid) or self._budget.delay(_ANSWER_SIZE, RESERVE) > 0:
            self.send(StanzaError("resource-constraint", "wait").toResponse(iq))
            return
        key, kem = self._statements.key.public, self._statements.key.kem_public
        element = domish.Element((NS_BITWEEN_2, "keys"))
        element["key"], element["kem"] = base64url.encode(key), base64url.encode(kem)
        self._statements.sign(_KIND, f"{jid}/{resource}", _content(key, kem)).write(element)
        response = toResponse(iq, "result")
        response.addChild(element)
        self.send(response)


def _content(key: bytes, kem: bytes) -> dict[str, str]:
    return {"key": base64url.encode(key), "kem": base64url.encode(kem)}


def _parse(element: Element) -> tuple[Signed, bytes, bytes]:
    """
    Read the times and signature, the signing key, and the key for sealing.

    :raises InvalidValue: if one of them is malformed.
    """
    kem = base64url.decode(element.getAttribute("kem"), KEM_LENGTH)
    return parse_signed(element), parse_key(element.getAttribute("key")), kem


def _refused(to: str) -> RequestRefused:
    return RequestRefused.of("request_refused.unsigned", who=printable(to))

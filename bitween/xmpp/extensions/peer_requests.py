"""
What this device asks other devices for, so that both find a connection.

- *Dial back*: dial us at these addresses, and say which of them answer.
- *Connect*: dial us for this torrent now, at these candidates, while we dial you at yours (NATs let
  both in then).
- *Proof*: send this token into your local networks; if it arrives, we share one.

The other side is :mod:`bitween.xmpp.extensions.peer_request_server`.  A request says where we are,
so it goes only to devices with which we share presence in both directions.  It is sent only to a
device whose features list it: one disco request per device finds that out, until the device leaves.
:class:`bitween.connect.connector.PeerConnector` and its neighbours decide when to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.words.xish import domish

from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.dial_back import DialBack
from bitween.model.text import printable
from bitween.model.torrent import InfoHash
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions import peer_codec
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.extensions.meet_signature import MeetSignatures
from bitween.xmpp.namespaces import NS_DISCO_INFO, NS_NEIGHBOURS, NS_PEER_REQUESTS
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.statements import Statements

#: seconds for an answer; dialling takes some.
ANSWER_TIMEOUT = 15
# bytes of a request with some addresses.
_REQUEST_SIZE = 800


class PeerRequests(Extension):
    """Sends requests to devices that support them."""

    def __init__(
        self,
        budget: TokenBucket,
        is_mutual: Callable[[str, str], bool],
        statements: Statements | None = None,
    ) -> None:
        """
        :param budget: requests wait for room in it: contacts can make us send many.
        :param is_mutual: whether a device (bare JID, resource) is online and we see each other's
            presence.
        :param statements: signs connect requests to devices that have keys.
        """
        super().__init__()
        self._signatures = MeetSignatures(statements or Statements())
        self._budget = budget
        self._is_mutual = is_mutual
        self._supported: dict[tuple[str, str], frozenset[str]] = {}

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget what a device supports."""
        self._supported.pop((jid, resource), None)

    def connectionLost(self, reason: Any) -> None:
        """Forget what devices support: the session is over."""
        super().connectionLost(reason)
        self._supported.clear()

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """
        Ask a device to dial us.

        :param addresses: ours; the first four are taken.
        :returns: fires with which of the addresses the device could reach.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, does not answer, or does not support it.
        """
        request = peer_codec.dial_back_request(addresses)
        answer = self._ask(jid, resource, "get", request, NS_PEER_REQUESTS)
        return answer.addCallback(peer_codec.parse_dial_back_answer, frozenset(addresses))

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """
        Ask a device to dial us for a torrent now, as we dial it.

        :param candidates: ours; the first 16 are taken.
        :returns: fires with the device's candidates.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, does not answer, or does not support it.
        """
        request = peer_codec.connect_element(candidates, info_hash)
        answer = self._ask(jid, resource, "set", request, NS_PEER_REQUESTS)
        return answer.addCallback(peer_codec.parse_candidates)

    def prove(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """
        Ask a device to send a token into its networks.

        :param token: 16 bytes.
        :returns: fires when the device has sent it.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, does not answer, or does not support it.
        """
        request = peer_codec.proof_element(token)
        answer = self._ask(jid, resource, "set", request, NS_NEIGHBOURS)
        return answer.addCallback(lambda _: None)

    def _ask(
        self,
        jid: str,
        resource: str,
        kind: Literal["get", "set"],
        request: Element,
        feature: str,
    ) -> Deferred[Any]:
        """Send a request; the Deferred fires with the element of the same name that answers it."""
        return Deferred.fromCoroutine(self._answer(jid, resource, kind, request, feature))

    async def _answer(
        self,
        jid: str,
        resource: str,
        kind: Literal["get", "set"],
        request: Element,
        feature: str,
    ) -> Element:
        to = f"{jid}/{resource}"
        shown = printable(to)
        try:
            if not await self._supports(jid, resource, feature):
                raise RequestRefused.of("request_refused.outdated", who=shown)
            if not self._is_mutual(jid, resource):
                # The request says where we are: it is for contacts only, and the answer to the
                # question for features may have come after this contact was removed.
                raise RequestRefused.of("request_refused.offline", who=shown)
            await self._budget.room(_REQUEST_SIZE, RESERVE)
            if request.name == "meet":
                # Last, so that what is signed later is not sent earlier.
                self._signatures.sign(request, jid, resource)
            iq: Element = await self.send_iq(kind, request, to, ANSWER_TIMEOUT)
            answer = next(iq.elements(request.uri, request.name))
            if answer.name == "meet" and not self._signatures.is_valid(
                answer, jid, resource, iq["id"]
            ):
                raise RequestRefused.of("request_refused.unsigned", who=shown)
            return answer
        except CancelledError:
            raise
        except StopIteration:
            raise RequestRefused.of("request_refused.nonsense", who=shown) from None
        except Exception as error:
            raise request_error(error) from None

    async def _supports(self, jid: str, resource: str, feature: str) -> bool:
        """Whether a device has a feature (XEP-0030 §3.1)."""
        key = (jid, resource)
        if key not in self._supported:
            question = domish.Element((NS_DISCO_INFO, "query"))
            await self._budget.room(_REQUEST_SIZE, RESERVE)
            answer: Element = await self.send_iq(
                "get", question, f"{jid}/{resource}", ANSWER_TIMEOUT
            )
            info = next(answer.elements(NS_DISCO_INFO, "query"))
            features = {f.getAttribute("var") for f in info.elements(NS_DISCO_INFO, "feature")}
            self._supported[key] = frozenset(features & {NS_PEER_REQUESTS, NS_NEIGHBOURS})
        return feature in self._supported[key]

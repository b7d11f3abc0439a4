"""
What this device does for others that ask: the other side of ``peer_requests``.

Only devices with which we share presence in both directions get an answer; to others we look like a
client that does not know the request.  Each bare JID may ask a limited number of times, and few
dial-backs run at once, since each makes us open connections.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import InvalidValue, NotFound
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.dial_back import DialBack
from bitween.model.torrent import InfoHash
from bitween.util.limiter import KeyedLimiter
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions import peer_codec
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.extensions.meet_signature import MeetSignatures
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN, NS_NEIGHBOURS, NS_PEER_REQUESTS
from bitween.xmpp.statements import Statements

#: Requests of a bare JID, and the seconds in which they may come.
DIAL_BACKS = (6, 600)
CONNECTS = (30, 60)
PROOFS = (10, 60)
#: Dial-backs that run at once, for a bare JID and in all.
MAX_RUNNING_FOR_ONE = 2
MAX_RUNNING = 4

_DIAL_BACK = f"/iq[@type='get']/dial-back[@xmlns='{NS_BITWEEN}']"
_CONNECT = f"/iq[@type='set']/meet[@xmlns='{NS_BITWEEN}']"
_PROOF = f"/iq[@type='set']/neighbour[@xmlns='{NS_BITWEEN}']"

#: Dials a device (bare JID, resource) at those of the addresses that are its own.
DialBackService = Callable[[str, str, Sequence[PeerAddress]], Deferred[DialBack]]
#: Dials a device for a torrent at once, at its candidates, and returns ours; raises ``NotFound`` if
#: the torrent is not here.
ConnectService = Callable[[str, str, InfoHash, Sequence[Candidate]], Sequence[Candidate]]
#: Sends a token into the networks that we may share with a device.
ProofService = Callable[[str, str, bytes], None]


@dataclass(frozen=True, slots=True)
class PeerServices:
    """
    What other devices may ask for.

    Requests for a service that is ``None`` get the answer of a client that does not know them.

    :param dial_back: dials a device; called with the bare JID, the resource, and one to four
        addresses that the device claims to have; its Deferred is cancelled when the session ends.
    :param connect: dials a device for a torrent, and returns our candidates; called with the bare
        JID, the resource, the info-hash and the device's candidates, at most 16.
    :param prove: sends a token; called with the bare JID, the resource and 16 bytes.
    """

    dial_back: DialBackService | None = None
    connect: ConnectService | None = None
    prove: ProofService | None = None


_Work = Coroutine[Deferred[Any], Any, Element]


class PeerRequestServer(Extension):
    """Answers the requests of other devices, with the services that the application sets."""

    features = frozenset({NS_BITWEEN, NS_PEER_REQUESTS, NS_NEIGHBOURS})

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        is_mutual: Callable[[str, str], bool],
        statements: Statements | None = None,
    ) -> None:
        """
        :param is_mutual: whether a device (bare JID, resource) is online and we see each other's
            presence.
        :param statements: checks the signatures of connect requests.
        """
        super().__init__()
        self._is_mutual = is_mutual
        self._signatures = MeetSignatures(statements or Statements())
        self._services = PeerServices()
        self._dial_back_limit = KeyedLimiter[str].of_requests(clock, *DIAL_BACKS)
        self._connect_limit = KeyedLimiter[str].of_requests(clock, *CONNECTS)
        self._proof_limit = KeyedLimiter[str].of_requests(clock, *PROOFS)
        self._running: dict[Deferred[Any], str] = {}

    def serve(self, services: PeerServices) -> None:
        """Use these services from now on."""
        self._services = services

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_DIAL_BACK, self._dial_back_requested)
        self.xmlstream.addObserver(_CONNECT, self._connection_requested)
        self.xmlstream.addObserver(_PROOF, self._proof_requested)

    def connectionLost(self, reason: Any) -> None:
        """Stop the work under way: the session is over, so nothing can be answered."""
        super().connectionLost(reason)
        for running in list(self._running):
            running.cancel()

    def _dial_back_requested(self, iq: Element) -> None:
        service = self._services.dial_back
        sender = self._admitted(iq, self._dial_back_limit) if service is not None else None
        if service is None or sender is None:
            return
        of_sender = list(self._running.values()).count(sender[0])
        if of_sender >= MAX_RUNNING_FOR_ONE or len(self._running) >= MAX_RUNNING:
            self._refuse(iq, StanzaError("resource-constraint", "wait"))
            return
        self._answer(iq, sender, self._dial(service, *sender, iq))

    def _connection_requested(self, iq: Element) -> None:
        service = self._services.connect
        sender = self._admitted(iq, self._connect_limit) if service is not None else None
        if service is not None and sender is not None:
            self._answer(iq, sender, self._connect_to(service, *sender, iq))

    def _proof_requested(self, iq: Element) -> None:
        service = self._services.prove
        sender = self._admitted(iq, self._proof_limit) if service is not None else None
        if service is not None and sender is not None:
            self._answer(iq, sender, self._send_proof(service, *sender, iq))

    async def _dial(
        self, service: DialBackService, jid: str, resource: str, iq: Element
    ) -> Element:
        request = next(iq.elements(NS_BITWEEN, "dial-back"))
        addresses = peer_codec.parse_dial_back_request(request)
        return peer_codec.dial_back_answer(await service(jid, resource, addresses))

    async def _connect_to(
        self, service: ConnectService, jid: str, resource: str, iq: Element
    ) -> Element:
        request = next(iq.elements(NS_BITWEEN, "meet"))
        info_hash, candidates = peer_codec.parse_connect_request(request)
        if not self._signatures.is_valid(request, jid, resource):
            raise StanzaError("not-allowed")
        own = service(jid, resource, info_hash, candidates)
        answer = peer_codec.connect_element(own, info_hash)
        self._signatures.sign(answer, jid, resource, iq.getAttribute("id", ""))
        return answer

    async def _send_proof(
        self, service: ProofService, jid: str, resource: str, iq: Element
    ) -> Element:
        request = next(iq.elements(NS_BITWEEN, "neighbour"))
        service(jid, resource, peer_codec.parse_proof_request(request))
        return peer_codec.proof_element()

    def _admitted(self, iq: Element, limit: KeyedLimiter[str]) -> tuple[str, str] | None:
        """Return the sender (bare JID, resource); ``None`` if it may not ask, or not so often."""
        jid, resource = split(iq.getAttribute("from", ""))
        if not resource or not self._is_mutual(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return None
        iq.handled = True
        if limit.allow(jid):
            return jid, resource
        self._refuse(iq, StanzaError("policy-violation", "wait"))
        return None

    def _answer(self, iq: Element, sender: tuple[str, str], work: _Work) -> None:
        def done(content: Element) -> None:
            if self._is_mutual(*sender):
                response = toResponse(iq, "result")
                response.addChild(content)
                self.send(response)

        running = Deferred.fromCoroutine(work)
        self._running[running] = sender[0]
        running.addCallback(done).addErrback(self._failed, iq)
        running.addBoth(lambda _: self._running.pop(running))

    def _failed(self, failure: Failure, iq: Element) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            return
        if isinstance(error, StanzaError):
            self._refuse(iq, error)
        elif isinstance(error, InvalidValue):
            self._refuse(iq, StanzaError("bad-request"))
        elif isinstance(error, NotFound):
            self._refuse(iq, StanzaError("item-not-found"))
        else:
            self._log.failure("serving a device's request", failure)
            self._refuse(iq, StanzaError("internal-server-error"))

    def _refuse(self, iq: Element, error: StanzaError) -> None:
        self.send(error.toResponse(iq))

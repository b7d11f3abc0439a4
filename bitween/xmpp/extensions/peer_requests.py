"""Arranges encounters: asks contacts to dial us back, to meet us, or whether they are near."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ, toResponse
from twisted.words.xish import domish

from bitween.errors import InvalidValue, NotConnected, NotFound, RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.text import printable
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.util.token_bucket import RESERVE, TokenBucket
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.extensions.quota import RateLimiter
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN, NS_DISCO_INFO, NS_NEIGHBOURS, NS_PEER_REQUESTS
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.shares.item_codec import (
    MAX_CANDIDATES,
    address_element,
    candidate_element,
    parse_address,
    parse_candidate,
    parse_truth,
)

#: seconds for an answer; dialling takes some.
ANSWER_TIMEOUT = 15
#: Requests of a bare JID, and the seconds in which they may come.
DIAL_BACKS = (6, 600)
MEETINGS = (30, 60)
PROOFS = (10, 60)
#: Dial-backs that are under way at once, for a bare JID and for everybody together.
MAX_RUNNING_FOR_ONE = 2
MAX_RUNNING = 4

_DIAL_BACK = f"/iq[@type='get']/dial-back[@xmlns='{NS_BITWEEN}']"
_MEET = f"/iq[@type='set']/meet[@xmlns='{NS_BITWEEN}']"
_PROVE = f"/iq[@type='set']/neighbour[@xmlns='{NS_BITWEEN}']"
# bytes of a request with some addresses.
_REQUEST_SIZE = 800
#: hexadecimal digits of a token.
_TOKEN_DIGITS = 32


#: Dials a resource (bare JID, resource) at those of the addresses that are its own.
DialsBack = Callable[[str, str, Sequence[PeerAddress]], Deferred[DialBack]]
#: Dials a resource for a torrent at once, at its candidates, and gives ours; raises NotFound if
#: there is nothing to meet for.
Meets = Callable[[str, str, InfoHash, Sequence[Candidate]], Sequence[Candidate]]
#: Sends a token into the networks that we may share with a resource.
Proves = Callable[[str, str, bytes], None]


class PeerRequests(Extension):
    """
    Asks, and answers, as far as both sides see each other's presence.
    """

    features = frozenset({NS_BITWEEN, NS_PEER_REQUESTS, NS_NEIGHBOURS})

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, budget: TokenBucket, knows: Callable[[str, str], bool]
    ) -> None:
        """
        :param budget: what we ask waits for room in it: contacts can have us ask often.
        :param knows: whether a resource of a bare JID is there, and we know each other.
        """
        super().__init__()
        self._budget = budget
        self._knows = knows
        self._dials_back: DialsBack | None = None
        self._meets: Meets | None = None
        self._proves: Proves | None = None
        self._dial_backs = RateLimiter(clock, *DIAL_BACKS)
        self._meetings = RateLimiter(clock, *MEETINGS)
        self._proofs = RateLimiter(clock, *PROOFS)
        self._running: dict[Deferred[Any], str] = {}
        self._able: dict[tuple[str, str], frozenset[str]] = {}

    def serve(
        self,
        *,
        dials_back: DialsBack | None = None,
        meets: Meets | None = None,
        proves: Proves | None = None,
    ) -> None:
        """Do what contacts ask for from now on; what is left out stays as it was."""
        self._dials_back = dials_back or self._dials_back
        self._meets = meets or self._meets
        self._proves = proves or self._proves

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget what a device supports."""
        self._able.pop((jid, resource), None)

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_DIAL_BACK, self._asked_to_dial)
        self.xmlstream.addObserver(_MEET, self._asked_to_meet)
        self.xmlstream.addObserver(_PROVE, self._asked_to_prove)

    def connectionLost(self, reason: Any) -> None:
        """Stop, as there is nobody any more who could be answered."""
        super().connectionLost(reason)
        self._able.clear()
        for running in list(self._running):
            running.cancel()

    # ---- asking

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """
        Ask a resource to dial us.

        :param addresses: ours; the first four are taken.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if it does not want to, does not answer, or does not know how.
        """
        request = domish.Element((NS_BITWEEN, "dial-back"))
        for address in addresses[:MAX_DIALLED]:
            request.addChild(address_element(address, NS_BITWEEN, "address"))
        asking = Deferred.fromCoroutine(self._ask(jid, resource, "get", request))
        return asking.addCallback(_read_dial_back, frozenset(addresses))

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """
        Ask a resource to dial us for a torrent now, as we dial it.

        :param candidates: ours; the first 16 are taken.
        :returns: its own.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if it does not want to, does not answer, or does not know how.
        """
        request = _meet_element(candidates, info_hash)
        asking = Deferred.fromCoroutine(self._ask(jid, resource, "set", request))
        return asking.addCallback(lambda answer: tuple(_candidates(answer)))

    def prove(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """
        Ask a resource to send a token into its networks; it has done so when this fires.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if it does not want to, does not answer, or does not know how.
        """
        request = domish.Element((NS_BITWEEN, "neighbour"))
        request["token"] = token.hex()
        asking = Deferred.fromCoroutine(self._ask(jid, resource, "set", request, NS_NEIGHBOURS))
        return asking.addCallback(lambda _: None)

    async def _ask(
        self, jid: str, resource: str, kind: str, request: Any, feature: str = NS_PEER_REQUESTS
    ) -> Any:
        """Send a request and give the element of the same name that answers it."""
        to = f"{jid}/{resource}"
        try:
            if not await self._is_able(jid, resource, feature):
                raise RequestRefused(
                    f"{printable(to)} runs a bitween that cannot be asked this",
                    "have it updated there",
                    detail="outdated",
                    values={"who": printable(to)},
                )
            if not self._knows(jid, resource):
                # Where we are is for contacts only, and this may be one no longer.
                raise RequestRefused(f"{printable(to)} is not there any more")
            answer = await self._send(to, kind, request)
            return next(answer.elements(request.uri, request.name))
        except CancelledError:
            raise
        except StopIteration:
            raise RequestRefused(
                f"the answer of {printable(to)} makes no sense",
                detail="nonsense",
                values={"who": printable(to)},
            ) from None
        except Exception as error:
            raise request_error(error) from None

    async def _is_able(self, jid: str, resource: str, feature: str) -> bool:
        """Whether a resource knows what we ask (XEP-0030 §3.1)."""
        key = (jid, resource)
        if key not in self._able:
            question = domish.Element((NS_DISCO_INFO, "query"))
            answer = await self._send(f"{jid}/{resource}", "get", question)
            info = next(answer.elements(NS_DISCO_INFO, "query"))
            features = {f.getAttribute("var") for f in info.elements(NS_DISCO_INFO, "feature")}
            self._able[key] = frozenset(features & {NS_PEER_REQUESTS, NS_NEIGHBOURS})
        return feature in self._able[key]

    async def _send(self, to: str, kind: str, content: Any) -> Any:
        await self._budget.room(_REQUEST_SIZE, RESERVE)
        stream = self.xmlstream
        if stream is None or not self.parent.in_session:
            raise NotConnected("there is no connection to the XMPP server", detail="now")
        iq = IQ(stream, kind)
        iq.timeout = ANSWER_TIMEOUT
        iq.addChild(content)
        try:
            return await iq.send(to)
        finally:
            # Whoever stopped waiting leaves nothing behind.
            stream.iqDeferreds.pop(iq["id"], None)

    # ---- being asked

    def _asked_to_dial(self, iq: Any) -> None:
        dials_back = self._dials_back
        asker = self._asker(iq, self._dial_backs) if dials_back is not None else None
        if dials_back is None or asker is None:
            return
        of_asker = list(self._running.values()).count(asker[0])
        if of_asker >= MAX_RUNNING_FOR_ONE or len(self._running) >= MAX_RUNNING:
            self._refuse(iq, StanzaError("resource-constraint", "wait"))
            return
        self._answer(iq, asker, self._dial(dials_back, *asker, iq))

    def _asked_to_meet(self, iq: Any) -> None:
        meets = self._meets
        asker = self._asker(iq, self._meetings) if meets is not None else None
        if meets is not None and asker is not None:
            self._answer(iq, asker, self._meet(meets, *asker, iq))

    def _asked_to_prove(self, iq: Any) -> None:
        proves = self._proves
        asker = self._asker(iq, self._proofs) if proves is not None else None
        if proves is not None and asker is not None:
            self._answer(iq, asker, self._prove(proves, *asker, iq))

    async def _dial(self, dials_back: DialsBack, jid: str, resource: str, iq: Any) -> Any:
        request = next(iq.elements(NS_BITWEEN, "dial-back"))
        asked = list(request.elements(NS_BITWEEN, "address"))
        if not 0 < len(asked) <= MAX_DIALLED:
            raise InvalidValue("one to four addresses are dialled")
        addresses = list(dict.fromkeys(map(parse_address, asked)))
        return _dial_back_element(await dials_back(jid, resource, addresses))

    async def _meet(self, meets: Meets, jid: str, resource: str, iq: Any) -> Any:
        request = next(iq.elements(NS_BITWEEN, "meet"))
        info_hash = parse_info_hash(request.getAttribute("hash"))
        ours = meets(jid, resource, info_hash, tuple(_candidates(request)))
        return _meet_element(ours, info_hash)

    async def _prove(self, proves: Proves, jid: str, resource: str, iq: Any) -> Any:
        request = next(iq.elements(NS_BITWEEN, "neighbour"))
        proves(jid, resource, _token(request.getAttribute("token", "")))
        return domish.Element((NS_BITWEEN, "neighbour"))

    def _asker(self, iq: Any, quota: RateLimiter) -> tuple[str, str] | None:
        """Who asks; ``None`` for one who may not, or not so often."""
        jid, resource = split(iq.getAttribute("from", ""))
        if not resource or not self._knows(jid, resource):
            # The fallback answers as to any request that it does not know.
            return None
        iq.handled = True
        if quota.take(jid):
            return jid, resource
        self._refuse(iq, StanzaError("policy-violation", "wait"))
        return None

    def _answer(
        self, iq: Any, asker: tuple[str, str], work: Coroutine[Deferred[Any], Any, Any]
    ) -> None:
        def done(content: Any) -> None:
            if self._knows(*asker):
                response = toResponse(iq, "result")
                response.addChild(content)
                self.send(response)

        running = Deferred.fromCoroutine(work)
        self._running[running] = asker[0]
        running.addCallback(done).addErrback(self._failed, iq)
        running.addBoth(lambda _: self._running.pop(running))

    def _failed(self, failure: Failure, iq: Any) -> None:
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
            self._log.failure("what a contact asked for", failure)
            self._refuse(iq, StanzaError("internal-server-error"))

    def _refuse(self, iq: Any, error: StanzaError) -> None:
        self.send(error.toResponse(iq))


def _token(text: str) -> bytes:
    """
    Read a token.

    :raises InvalidValue: if it is none.
    """
    if len(text) == _TOKEN_DIGITS:
        with suppress(ValueError):
            return bytes.fromhex(text)
    raise InvalidValue("a token has 32 hexadecimal digits")


def _dial_back_element(outcome: DialBack) -> Any:
    element = domish.Element((NS_BITWEEN, "dial-back"))
    for address, reached in outcome.reached.items():
        dialled = element.addChild(address_element(address, NS_BITWEEN, "address"))
        dialled["reached"] = "true" if reached else "false"
    return element


def _read_dial_back(element: Any, asked: frozenset[PeerAddress]) -> DialBack:
    """Read an answer; of addresses that were not asked for, nothing is believed."""
    reached: dict[PeerAddress, bool] = {}
    for address, entry in _dialled(element):
        said = entry.getAttribute("reached")
        if address in asked and address not in reached and said in ("true", "1", "false", "0"):
            reached[address] = parse_truth(said)
    return DialBack(reached)


def _dialled(element: Any) -> Iterator[tuple[PeerAddress, Any]]:
    for entry in element.elements(NS_BITWEEN, "address"):
        try:
            yield parse_address(entry), entry
        except InvalidValue:
            continue


def _meet_element(candidates: Sequence[Candidate], info_hash: InfoHash) -> Any:
    element = domish.Element((NS_BITWEEN, "meet"))
    element["hash"] = info_hash
    for candidate in candidates[:MAX_CANDIDATES]:
        element.addChild(candidate_element(candidate))
    return element


def _candidates(element: Any) -> list[Candidate]:
    """The candidates in an element, each address once, as many as are read."""
    read: dict[PeerAddress, Candidate] = {}
    for entry in list(element.elements(NS_BITWEEN, "candidate"))[:MAX_CANDIDATES]:
        try:
            candidate = parse_candidate(entry)
        except InvalidValue:
            continue
        read.setdefault(candidate.address, candidate)
    return list(read.values())

"""
Tells devices which shares we fetch, and introduces those that fetch the same share.

Three requests go between devices of contacts (docs/protocol.rst, "Wanting and introductions"):

- *want*: we begin to fetch a share of yours; you answer when it can be dialled.
- *done*: we have stopped fetching it.
- *introduce*: another device fetches the share, too; dial each other at these addresses.

This module sends all three, and answers those of others with services that the application sets.
What is bounded here: how often a bare JID may ask, how many of its wants are open at the same time,
and who may introduce: only a device to which our own want for that share is open, at most 16 times
at once and 16 times an hour after that.  An introduction counts only with the signature of the
device's key, so a server cannot make us dial addresses of its choice.
:mod:`bitween.connect.introducer` decides who is introduced, and :mod:`bitween.connect.wants` when
to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse

from bitween.errors import InvalidValue, NotFound
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash
from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions import wants_codec
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.statements import LIFE, Signed, Statements, parse_signed

#: Wants of a bare JID, and the seconds in which they may come; as many ``done`` are read.
WANTS = (60, 60)
#: Wants of a bare JID that are open at the same time.
MAX_OPEN = 200
#: Introductions for one of our wants, and the seconds in which they may come.
INTRODUCTIONS = (16, 3600)
#: seconds for an answer: the publisher may have to load the torrent.
ANSWER_TIMEOUT = 60
#: Our wants whose introductions are counted.
MAX_REMEMBERED = 10_000

_KIND = "introduce"
_WANT = f"/iq[@type='set']/want[@xmlns='{NS_BITWEEN_2}']"
_DONE = f"/iq[@type='set']/done[@xmlns='{NS_BITWEEN_2}']"
_INTRODUCE = f"/iq[@type='set']/introduce[@xmlns='{NS_BITWEEN_2}']"
# bytes of a request, without and with candidates.
_REQUEST_SIZE = 250
_INTRODUCTION_SIZE = 1500

#: Makes a share ready for a device (bare JID, resource); the Deferred fires then, and fails with
#: ``NotFound`` if the device may not fetch it.
WantService = Callable[[str, str, InfoHash], Deferred[None]]
#: Notes that a device has stopped fetching, and whether it seeds the share now.
DoneService = Callable[[str, str, InfoHash, bool], None]
#: Dials another member of a swarm, named by a device, within so many seconds.
IntroduceService = Callable[[str, str, Introduction, float], None]

_Device = tuple[str, str]
_Want = tuple[str, str, InfoHash]
_Work = Coroutine[Deferred[Any], Any, None]


class Wants(Extension):
    """Sends and answers wants and introductions."""

    features = frozenset({NS_BITWEEN_2})

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        is_mutual: Callable[[str, str], bool],
        statements: Statements | None = None,
    ) -> None:
        """
        :param budget: requests wait for room in it.
        :param is_mutual: whether a device (bare JID, resource) is online and we see each other's
            presence.
        :param statements: signs introductions, and checks them.
        """
        super().__init__()
        self._budget = budget
        self._is_mutual = is_mutual
        self._statements = statements or Statements()
        self._want: WantService | None = None
        self._done: DoneService | None = None
        self._introduce: IntroduceService | None = None
        self._want_limit = KeyedLimiter[str].of_requests(clock, *WANTS)
        self._done_limit = KeyedLimiter[str].of_requests(clock, *WANTS)
        self._introduction_limit = KeyedLimiter[_Want](
            clock, INTRODUCTIONS[0] / INTRODUCTIONS[1], INTRODUCTIONS[0], MAX_REMEMBERED
        )
        # Wants of others, by bare JID, and our own.
        self._open: dict[str, set[tuple[str, InfoHash]]] = {}
        self._sent: set[_Want] = set()
        self._running: dict[Deferred[None], _Device] = {}

    def serve(self, want: WantService, done: DoneService, introduce: IntroduceService) -> None:
        """
        Use these services; before, all requests get the answer of a client that knows none.

        :param want: makes a share ready for a device.
        :param done: notes that a device has stopped fetching a share.
        :param introduce: dials another member of a swarm.
        """
        self._want, self._done, self._introduce = want, done, introduce

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_WANT, self._want_received)
        self.xmlstream.addObserver(_DONE, self._done_received)
        self.xmlstream.addObserver(_INTRODUCE, self._introduction_received)

    def connectionLost(self, reason: Any) -> None:
        """Forget all wants: the session is over."""
        super().connectionLost(reason)
        self._open.clear()
        self._sent.clear()
        for running in list(self._running):
            running.cancel()

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget the wants of a device, and those that it got."""
        left = (jid, resource)
        remaining = {want for want in self._open.pop(jid, ()) if want[0] != resource}
        if remaining:
            self._open[jid] = remaining
        self._sent = {want for want in self._sent if want[:2] != left}
        for running, device in list(self._running.items()):
            if device == left:
                running.cancel()

    def want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[bool]:
        """
        Say that we begin to fetch a share; from now on the device may introduce others for it.

        :returns: true when the share can be dialled, false if the device does not give it to us.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device answers with another error, or not at all.
        """
        self._sent.add((jid, resource, info_hash))
        request = wants_codec.want_element(info_hash)

        def answered(granted: bool) -> bool:
            if not granted:
                self._sent.discard((jid, resource, info_hash))
            return granted

        return self._ask(jid, resource, lambda: request, _REQUEST_SIZE).addCallback(answered)

    def done(self, jid: str, resource: str, info_hash: InfoHash, *, seeds: bool) -> Deferred[bool]:
        """
        Say that we have stopped fetching a share.

        :param seeds: whether we have all of it, and may still be introduced to others.
        :returns: false if the device knows no such share.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device answers with another error, or not at all.
        """
        if not seeds:
            self._sent.discard((jid, resource, info_hash))
        request = wants_codec.done_element(info_hash, seeds=seeds)
        return self._ask(jid, resource, lambda: request, _REQUEST_SIZE)

    def introduce(self, jid: str, resource: str, introduction: Introduction) -> Deferred[bool]:
        """
        Tell a device where another member of a share's swarm can be dialled.

        :returns: false if the device does not fetch that share from us.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device answers with another error, or not at all.
        """

        def request() -> Element:
            # Signed last: a statement counts only if it is later than those that arrived before.
            element = wants_codec.introduce_element(introduction)
            content = wants_codec.introduction_content(element)
            self._statements.sign(_KIND, f"{jid}/{resource}", content).write(element)
            return element

        return self._ask(jid, resource, request, _INTRODUCTION_SIZE)

    def _ask(
        self, jid: str, resource: str, request: Callable[[], Element], size: int
    ) -> Deferred[bool]:
        return Deferred.fromCoroutine(self._is_granted(f"{jid}/{resource}", request, size))

    async def _is_granted(self, to: str, request: Callable[[], Element], size: int) -> bool:
        try:
            await self._budget.room(size, RESERVE)
            await self.send_iq("set", request(), to, ANSWER_TIMEOUT)
        except CancelledError:
            raise
        except StanzaError as error:
            if error.condition == "item-not-found":
                return False
            raise request_error(error) from None
        except Exception as error:
            raise request_error(error) from None
        return True

    def _want_received(self, iq: Element) -> None:
        service = self._want
        sender = self._admitted(iq, self._want_limit) if service is not None else None
        if service is not None and sender is not None:
            self._answer(iq, sender, self._serve_want(service, *sender, iq))

    def _done_received(self, iq: Element) -> None:
        service = self._done
        sender = self._admitted(iq, self._done_limit) if service is not None else None
        if service is not None and sender is not None:
            self._answer(iq, sender, self._serve_done(service, *sender, iq))

    def _introduction_received(self, iq: Element) -> None:
        service = self._introduce
        sender = self._sender(iq) if service is not None else None
        if service is not None and sender is not None:
            iq.handled = True
            self._answer(iq, sender, self._serve_introduction(service, *sender, iq))

    async def _serve_want(self, service: WantService, jid: str, resource: str, iq: Element) -> None:
        info_hash = wants_codec.parse_want(next(iq.elements(NS_BITWEEN_2, "want")))
        wants = self._open.get(jid, set())
        if (resource, info_hash) not in wants and len(wants) >= MAX_OPEN:
            raise StanzaError("resource-constraint", "wait")
        self._open.setdefault(jid, wants).add((resource, info_hash))
        try:
            await service(jid, resource, info_hash)
        except BaseException:
            self._close(jid, resource, info_hash)
            raise

    async def _serve_done(self, service: DoneService, jid: str, resource: str, iq: Element) -> None:
        info_hash, seeds = wants_codec.parse_done(next(iq.elements(NS_BITWEEN_2, "done")))
        if (resource, info_hash) not in self._open.get(jid, ()):
            return
        if not seeds:
            self._close(jid, resource, info_hash)
        service(jid, resource, info_hash, seeds)

    async def _serve_introduction(
        self, service: IntroduceService, jid: str, resource: str, iq: Element
    ) -> None:
        element = next(iq.elements(NS_BITWEEN_2, "introduce"))
        introduction = wants_codec.parse_introduction(element)
        want = (jid, resource, introduction.info_hash)
        if want not in self._sent:
            raise StanzaError("item-not-found")
        if not self._introduction_limit.allow(want):
            raise StanzaError("policy-violation", "wait")
        signed = parse_signed(element)
        if not self._counts(jid, resource, signed, element):
            raise StanzaError("not-allowed")
        service(jid, resource, introduction, min(signed.until - self._statements.now, LIFE))

    def _counts(self, jid: str, resource: str, signed: Signed, element: Element) -> bool:
        content = wants_codec.introduction_content(element)
        return self._statements.accepts(_KIND, jid, resource, signed, content)

    def _close(self, jid: str, resource: str, info_hash: InfoHash) -> None:
        wants = self._open.get(jid, set())
        wants.discard((resource, info_hash))
        if not wants:
            self._open.pop(jid, None)

    def _sender(self, iq: Element) -> _Device | None:
        """The device that asks; ``None`` if it may not, and gets the answer of a stranger."""
        jid, resource = split(iq.getAttribute("from", ""))
        if not resource or not self._is_mutual(jid, resource):
            # wokkel's FallbackHandler answers as to an unknown request.
            return None
        return jid, resource

    def _admitted(self, iq: Element, limit: KeyedLimiter[str]) -> _Device | None:
        """The device that asks; ``None`` if it may not ask, or not so often."""
        sender = self._sender(iq)
        if sender is None:
            return None
        iq.handled = True
        if limit.allow(sender[0]):
            return sender
        self.send(StanzaError("policy-violation", "wait").toResponse(iq))
        return None

    def _answer(self, iq: Element, sender: _Device, work: _Work) -> None:
        def done(_: None) -> None:
            if self._is_mutual(*sender):
                self.send(toResponse(iq, "result"))

        running = Deferred.fromCoroutine(work)
        self._running[running] = sender
        running.addCallback(done).addErrback(self._failed, iq)
        running.addBoth(lambda _: self._running.pop(running, None))

    def _failed(self, failure: Failure, iq: Element) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            return
        if isinstance(error, InvalidValue):
            error = StanzaError("bad-request")
        elif isinstance(error, NotFound):
            error = StanzaError("item-not-found")
        elif not isinstance(error, StanzaError):
            self._log.failure("serving a device's request", failure)
            error = StanzaError("internal-server-error")
        self.send(error.toResponse(iq))

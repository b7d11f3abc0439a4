"""The ladder of connection: which way leads to one resource, tried rung by rung."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.connect.candidates import (
    dial_order,
    direct_obstacle,
    failure_reasons,
    punch_obstacle,
    route_kind_at,
)
from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import UNTRIED, Obstacle, Route, RouteKind

#: Seconds without an answer after which the other side is asked to dial us, too.
MEET_AFTER = 0.5
#: Seconds that who was asked has to come by itself, before we dial, too: libtorrent, which takes up
#: to a second to dial, would part from whoever comes from an address that it is just dialling.
PUNCH_AFTER = 1.3
#: Seconds after which the relay is taken: by then nobody dials over uTP any more.
RELAY_AFTER = 6.0
#: Seconds until direct ways are tried again, at first and at most; twice as long each time.
RETRY_FIRST, RETRY_LAST = 60.0, 960.0

_DIRECT = frozenset(
    {RouteKind.LAN, RouteKind.IPV6, RouteKind.IPV4, RouteKind.MAPPED, RouteKind.PUNCHED}
)
_RUNGS = list(RouteKind)
_CLOSED = Obstacle(
    "they answer, but refuse the connection",
    "your connections come from an address that this daemon does not announce: run bitween doctor",
    "closed",
)


class Steps(Protocol):
    """What a ladder has others do; every Deferred can be cancelled."""

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Find out where somebody answers, see :meth:`bitween.network.prober.Prober.race`."""

    def meet(self) -> Deferred[Sequence[Candidate]]:
        """
        Have the other side dial us now, and tell its candidates.

        :raises BitweenError: if it cannot or does not want to.
        """

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """Dial the other side while it dials us; :meth:`Ladder.met` tells that it helped."""

    def relay(self) -> Deferred[Route]:
        """
        Find a way through an XMPP server.

        :raises BitweenError: if there is none, with what would help.
        """


class Ladder:
    """
    Finds the way to one resource, and a better one while there is a better one to be had.

    Nothing happens until :meth:`climb`, and nothing more after :meth:`rest`.

    :ivar way: the best one that is known.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, steps: Steps, found: Callable[[Route], None]) -> None:
        """:param found: told the way whenever one was looked for, or came by itself."""
        self._clock = clock
        self._steps = steps
        self._found = found
        self._ours: Sequence[Candidate] = ()
        self._theirs: Sequence[Candidate] = ()
        self._known: frozenset[tuple[PeerAddress, CandidateKind]] = frozenset()
        self._trying: dict[str, Deferred[Any]] = {}
        self._timers: dict[str, IDelayedCall] = {}
        self._barred: set[PeerAddress] = set()
        self._pardoned: set[PeerAddress] = set()
        self._obstacle: Obstacle | None = None
        self._no_meeting: Obstacle | None = None
        self._met_already = False
        self._retry = RETRY_FIRST
        self.way = UNTRIED

    @property
    def climbing(self) -> bool:
        """Whether no way is known yet, and one is being looked for."""
        return self.way.kind is None and bool(self._trying or "relay" in self._timers)

    def climb(self, ours: Sequence[Candidate], theirs: Sequence[Candidate]) -> None:
        """
        Look for a way, or a better one, with what is known of both sides now.

        A direct way stays as long as its address is among theirs.
        """
        known = bool(self._timers or self._trying)
        if known and (_places(ours), _places(theirs)) == (_places(self._ours), self._known):
            return
        self.rest()
        self._ours, self._theirs = tuple(ours), tuple(theirs)
        self._known = _places(theirs)
        self._retry = RETRY_FIRST
        self._barred.clear()
        self._pardoned.clear()
        if not self._stands():
            self._begin()
        elif self.way.kind is RouteKind.PUNCHED:
            # Perhaps a router forwards a port by now: TCP is faster.
            self._met_already = True
            self._probe(self._theirs)

    def met(self, rung: RouteKind, address: PeerAddress, *, inbound_only: bool = False) -> None:
        """
        Take note that the resource is connected directly.

        :param comes: whether it dialled us.
        """
        if self.way.kind not in _DIRECT or _RUNGS.index(rung) < _RUNGS.index(self.way.kind):
            self._arrive(Route(rung, address, inbound_only=inbound_only))

    def disappointed(self) -> None:
        """Take note that who answers at the address of a direct way does not let us in."""
        if self.way.kind in _DIRECT and self.way.address is not None:
            if not self.way.inbound_only:
                self._barred.add(self.way.address)
            self.way = UNTRIED
            self._meet()
            self._later("relay", RELAY_AFTER - MEET_AFTER, self._direct_failed)

    def rest(self) -> None:
        """Try nothing more; what is known stays."""
        trying, self._trying = self._trying, {}
        for step in trying.values():
            step.cancel()
        timers, self._timers = self._timers, {}
        for timer in timers.values():
            timer.cancel()

    def forget(self) -> None:
        """Try nothing more, and know nothing any more: the resource is gone."""
        self.rest()
        self.way = UNTRIED

    # ---- up

    def _stands(self) -> bool:
        """Whether the way that is known is a direct one that need not be looked for again."""
        if self.way.kind is RouteKind.PUNCHED:
            return True
        addresses = {candidate.address for candidate in self._theirs}
        return self.way.kind in _DIRECT and self.way.address in addresses

    def _begin(self) -> None:
        self._met_already, self._no_meeting = False, None
        self._obstacle = direct_obstacle(self._ours, self._theirs)
        if self._obstacle is not None:
            self._direct_failed()
            return
        self._obstacle = punch_obstacle(self._ours, self._theirs)
        if self._obstacle is not None:
            # What is tried all the same need not be waited for.
            self._direct_failed()
        else:
            self._later("relay", RELAY_AFTER, self._direct_failed)
        self._later("meet", MEET_AFTER, self._meet)
        self._probe(self._theirs)

    def _probe(self, candidates: Sequence[Candidate]) -> None:
        addresses = [a for a in dial_order(candidates, self._ours) if a not in self._barred]
        probing = self._steps.probe(addresses)
        self._try("probe", probing, self._probed, self._probe_failed)

    def _probed(self, address: PeerAddress | None) -> None:
        if address is not None:
            self._arrive(Route(route_kind_at(address, self._theirs), address))
        elif not self._met_already:
            self._meet()
        else:
            self._perhaps_give_up()

    def _probe_failed(self, error: BitweenError) -> None:
        self._log.warn("looking for an address that answers: {error}", error=error)
        self._probed(None)

    def _meet(self) -> None:
        self._stop_timer("meet")
        self._met_already = True
        self._try("meet", self._steps.meet(), self._they_come, self._they_do_not_come)

    def _they_come(self, candidates: Sequence[Candidate]) -> None:
        known = {candidate.address for candidate in self._theirs}
        more = [candidate for candidate in candidates if candidate.address not in known]
        self._theirs = (*self._theirs, *more)
        self._later("punch", PUNCH_AFTER, lambda: self._steps.punch(self._theirs))
        # By now they know us, and let us in.
        pardoned, self._barred = self._barred - self._pardoned, self._barred & self._pardoned
        self._pardoned |= pardoned
        again = [candidate for candidate in self._theirs if candidate.address in pardoned]
        if any(candidate.dialable for candidate in (*again, *more)) and "probe" not in self._trying:
            self._probe([*again, *more])

    def _they_do_not_come(self, error: BitweenError) -> None:
        self._no_meeting = Obstacle.of(error)
        self._perhaps_give_up()

    def _perhaps_give_up(self) -> None:
        """Do not wait for what cannot come any more."""
        if self._no_meeting and not self._trying and "relay" in self._timers:
            self._direct_failed()

    # ---- through a server

    def _direct_failed(self) -> None:
        """See what else there is; a try that still goes on may come in late."""
        self._stop_timer("relay")
        self._stop_timer("meet")
        self._later("retry", self._retry, self._again)
        self._retry = min(2 * self._retry, RETRY_LAST)
        if self.way.kind not in _DIRECT:
            self._try("relay", self._steps.relay(), self._relayed, self._not_relayed)

    def _relayed(self, way: Route) -> None:
        self._tell(Route(way.kind, way.address, way.through, self._why))

    def _not_relayed(self, error: BitweenError) -> None:
        self._tell(Route(obstacles=(*self._why, Obstacle.of(error))))

    @property
    def _why(self) -> tuple[Obstacle, ...]:
        """Why there is no direct way."""
        if self._barred or self._pardoned:
            return (_CLOSED,)
        return (
            (self._obstacle,) if self._obstacle else failure_reasons(self._theirs, self._no_meeting)
        )

    def _again(self) -> None:
        self._begin()

    # ---- there

    def _arrive(self, way: Route) -> None:
        self.rest()
        self._tell(way)

    def _tell(self, way: Route) -> None:
        self.way = way
        self._found(way)

    # ---- steps and timers

    def _try(
        self,
        name: str,
        step: Deferred[Any],
        done: Callable[[Any], None],
        failed: Callable[[BitweenError], None],
    ) -> None:
        self._trying[name] = step

        def over(result: Any) -> Any:
            if self._trying.get(name) is step:
                del self._trying[name]
            return result

        def not_done(failure: Failure) -> None:
            if failure.check(CancelledError):
                return
            if failure.check(BitweenError):
                failed(failure.value)  # type: ignore[arg-type]  # checked
            else:
                self._log.failure("a step to a contact failed", failure)
                failed(BitweenError("something went wrong", "the log says more"))

        step.addBoth(over).addCallbacks(done, not_done)
        step.addErrback(lambda failure: self._log.failure("on the ladder", failure))

    def _later(self, name: str, seconds: float, function: Callable[[], None]) -> None:
        self._stop_timer(name)

        def due() -> None:
            self._timers.pop(name, None)
            function()

        self._timers[name] = self._clock.callLater(seconds, due)

    def _stop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _places(candidates: Sequence[Candidate]) -> frozenset[tuple[PeerAddress, CandidateKind]]:
    """What of candidates is worth a new start: not that somebody tried an address."""
    return frozenset((candidate.address, candidate.kind) for candidate in candidates)

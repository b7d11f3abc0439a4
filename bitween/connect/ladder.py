"""
The ladder of connection: finds the best route to one device.

A ladder runs two searches side by side.  The search for a *direct* connection goes through the
states of :class:`SearchState`:

=============== ================================= ============================================
state           event                             next state
=============== ================================= ============================================
IDLE            ``start``                         PROBING; BLOCKED where no direct connection
                                                  can be (:func:`~.candidates.direct_obstacle`)
PROBING         no address answers, or            REQUESTING
                REQUEST_AFTER passes
REQUESTING      the device agrees to dial us      REQUESTED; PUNCH_AFTER later it is dialled
                                                  over uTP
REQUESTING      the device refuses                REFUSED
any of these    an address answers, or            CONNECTED
                ``connected``
CONNECTED       ``dial_refused``                  REQUESTING
any but IDLE,   RETRY_FIRST passes, then twice    PROBING or BLOCKED
CONNECTED       as long each time
any             ``stop``, ``forget``              IDLE
=============== ================================= ============================================

Addresses that were probed before the request may answer in every later state.

The search for a *relay* begins as soon as nothing more is expected of the direct one: at once where
a hole cannot be punched or no direct connection can be, when the device refuses and no address
answers, and otherwise after RELAY_AFTER.  The direct search goes on meanwhile, and ends the relay's
when it succeeds.

:class:`~bitween.connect.device.RemoteDevice` owns a ladder and takes its steps; the ladder itself
knows neither sockets nor XMPP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.connect.attempt import Attempt, Timer
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

#: Seconds without an answer after which the device is asked to dial us, too.
REQUEST_AFTER = 0.5
#: Seconds that a device has to dial us before we dial it over uTP: libtorrent, which takes up to a
#: second to dial, drops an incoming connection from an address that it is just dialling.
PUNCH_AFTER = 1.3
#: Seconds after which the relay is used: by then neither side dials over uTP any longer.
RELAY_AFTER = 6.0
#: Seconds until the direct search is repeated, at first and at most; twice as long each time.
RETRY_FIRST, RETRY_LAST = 60.0, 960.0

_DIRECT = frozenset(
    {RouteKind.LAN, RouteKind.IPV6, RouteKind.IPV4, RouteKind.MAPPED, RouteKind.PUNCHED}
)
_BEST_FIRST = list(RouteKind)
_CLOSED = Obstacle.of("obstacle.closed")


class SearchState(Enum):
    """How far the search for a direct connection is; see the table above."""

    IDLE = auto()
    PROBING = auto()
    REQUESTING = auto()
    REQUESTED = auto()
    REFUSED = auto()
    BLOCKED = auto()
    CONNECTED = auto()


class Steps(Protocol):
    """What a ladder has others do; every Deferred can be cancelled."""

    def search_began(self) -> None:
        """Note that the ladder has begun to search."""

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """
        Find the best address that answers, see :meth:`bitween.network.prober.Prober.race`.

        :param addresses: best first.
        :returns: ``None`` if none answers in time, or there are none.
        """

    def request_connection(self) -> Deferred[Sequence[Candidate]]:
        """
        Have the device dial us now, and name its candidates.

        :raises BitweenError: if it cannot or does not want to.
        """

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """
        Dial the device over uTP while it dials us; success comes as :meth:`Ladder.connected`.

        :param candidates: the device's, reflexive ones included.
        """

    def find_relay(self) -> Deferred[Route]:
        """
        Find a route through an XMPP server.

        :raises BitweenError: if there is none; its hint says what would help.
        """


class Ladder:
    """
    Finds a route to one device, and a better one while there may be a better one.

    Nothing happens before :meth:`start` and after :meth:`stop`.

    :ivar state: how far the search for a direct connection is.
    :ivar route: the best one that is known.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, steps: Steps, found: Callable[[Route], None]) -> None:
        """
        :param steps: does what the ladder decides.
        :param found: called with each route that is found; when no relay is found, with a route
            without a kind, which holds the reasons.
        """
        self._steps = steps
        self._found = found
        self._ours: Sequence[Candidate] = ()
        self._theirs: Sequence[Candidate] = ()
        self._announced: frozenset[tuple[PeerAddress, CandidateKind]] = frozenset()
        self._probe: Attempt[PeerAddress | None] = Attempt(self._probed, self._probe_failed)
        self._request = Attempt(self._request_granted, self._request_refused)
        self._relay = Attempt(self._relay_found, self._relay_failed)
        self._request_timer = Timer(clock, self._send_request)
        self._punch_timer = Timer(clock, lambda: steps.punch(self._theirs))
        self._relay_timer = Timer(clock, self._find_relay)
        self._retry_timer = Timer(clock, self._begin)
        self._retry_after = RETRY_FIRST
        # Addresses that answered and then closed our connections; each is tried once more.
        self._refused: set[PeerAddress] = set()
        self._retried: set[PeerAddress] = set()
        self._obstacle: Obstacle | None = None
        self._refusal: Obstacle | None = None
        self.state = SearchState.IDLE
        self.route = UNTRIED

    @property
    def searching(self) -> bool:
        """Whether no route is known, and one may still be found soon."""
        return self.route.kind is None and self._is_expecting

    @property
    def _is_expecting(self) -> bool:
        steps = (self._probe, self._request, self._relay, self._relay_timer)
        return any(step.running for step in steps)

    def start(self, ours: Sequence[Candidate], theirs: Sequence[Candidate]) -> None:
        """
        Search for a route, or a better one, between these candidates.

        A direct route is kept while its address is among theirs.  The same candidates again begin
        nothing.

        :param ours: our own candidates.
        :param theirs: the device's candidates that may be dialled, reflexive ones included.
        """
        is_active = self._is_expecting or self._retry_timer.running
        unchanged = (_places(ours), _places(theirs)) == (_places(self._ours), self._announced)
        if is_active and unchanged:
            return
        self.stop()
        self._ours, self._theirs = tuple(ours), tuple(theirs)
        self._announced = _places(theirs)
        self._retry_after = RETRY_FIRST
        self._refused.clear()
        self._retried.clear()
        if not self._is_direct_route_valid:
            self._begin()
            return
        self.state = SearchState.CONNECTED
        if self.route.kind is RouteKind.PUNCHED:
            # A router may forward a port since: TCP is faster.
            self._start_probe(self._theirs)

    def connected(
        self, kind: RouteKind, address: PeerAddress, *, inbound_only: bool = False
    ) -> None:
        """
        Note that the device is directly connected.

        :param kind: that of the route.
        :param address: the device's candidate at which it is.
        :param inbound_only: whether it dialled us.
        """
        if _is_better(kind, self.route.kind):
            self._connect(Route(kind, address, inbound_only=inbound_only))

    def dial_refused(self) -> None:
        """Note that the address of a direct route answers, but closes our connections."""
        if self.route.kind not in _DIRECT or self.route.address is None:
            return
        if not self.route.inbound_only:
            self._refused.add(self.route.address)
        self.route = UNTRIED
        self._send_request()
        self._relay_timer.start(RELAY_AFTER - REQUEST_AFTER)

    def stop(self) -> None:
        """Stop searching; the route that is known stays."""
        self.state = SearchState.IDLE
        for step in (self._probe, self._request, self._relay):
            step.cancel()
        for timer in (
            self._request_timer,
            self._punch_timer,
            self._relay_timer,
            self._retry_timer,
        ):
            timer.stop()

    def forget(self) -> None:
        """Stop searching, and forget the route: the device is gone."""
        self.stop()
        self.route = UNTRIED

    @property
    def _is_direct_route_valid(self) -> bool:
        if self.route.kind is RouteKind.PUNCHED:
            return True
        addresses = {candidate.address for candidate in self._theirs}
        return self.route.kind in _DIRECT and self.route.address in addresses

    def _begin(self) -> None:
        self._refusal = None
        self._obstacle = direct_obstacle(self._ours, self._theirs)
        if self._obstacle is not None:
            self.state = SearchState.BLOCKED
            self._find_relay()
        else:
            self.state = SearchState.PROBING
            self._obstacle = punch_obstacle(self._ours, self._theirs)
            if self._obstacle is not None:
                # The direct search hardly succeeds, so the relay does not wait for it.
                self._find_relay()
            else:
                self._relay_timer.start(RELAY_AFTER)
            self._request_timer.start(REQUEST_AFTER)
            self._start_probe(self._theirs)
        self._steps.search_began()

    def _start_probe(self, candidates: Sequence[Candidate]) -> None:
        ordered = dial_order(candidates, self._ours)
        addresses = [address for address in ordered if address not in self._refused]
        self._probe.start(self._steps.probe(addresses))

    def _probed(self, address: PeerAddress | None) -> None:
        if address is not None:
            self._connect(Route(route_kind_at(address, self._theirs), address))
        elif self.state is SearchState.PROBING:
            self._send_request()
        elif self.state is SearchState.REFUSED:
            self._stop_waiting()

    def _probe_failed(self, error: BitweenError) -> None:
        self._log.warn("probing the addresses of a contact failed: {error}", error=error)
        self._probed(None)

    def _send_request(self) -> None:
        self._request_timer.stop()
        self.state = SearchState.REQUESTING
        self._request.start(self._steps.request_connection())
        self._steps.search_began()

    def _request_granted(self, candidates: Sequence[Candidate]) -> None:
        self.state = SearchState.REQUESTED
        known = {candidate.address for candidate in self._theirs}
        more = [candidate for candidate in candidates if candidate.address not in known]
        self._theirs = (*self._theirs, *more)
        self._punch_timer.start(PUNCH_AFTER)
        # The device knows our addresses now and may let us in.
        retried = self._refused - self._retried
        self._refused -= retried
        self._retried |= retried
        again = [candidate for candidate in self._theirs if candidate.address in retried]
        if any(candidate.dialable for candidate in (*again, *more)) and not self._probe.running:
            self._start_probe([*again, *more])

    def _request_refused(self, error: BitweenError) -> None:
        self.state = SearchState.REFUSED
        self._refusal = Obstacle.of_error(error)
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        """Begin the relay's search early if no direct connection can come any longer."""
        if not self._probe.running and self._relay_timer.running:
            self._find_relay()

    def _find_relay(self) -> None:
        self._relay_timer.stop()
        self._retry_timer.start(self._retry_after)
        self._retry_after = min(2 * self._retry_after, RETRY_LAST)
        self._relay.start(self._steps.find_relay())

    def _relay_found(self, route: Route) -> None:
        self._report(Route(route.kind, route.address, route.through, self._why_not_direct))

    def _relay_failed(self, error: BitweenError) -> None:
        self._report(Route(obstacles=(*self._why_not_direct, Obstacle.of_error(error))))

    @property
    def _why_not_direct(self) -> tuple[Obstacle, ...]:
        if self._refused or self._retried:
            return (_CLOSED,)
        if self._obstacle is not None:
            return (self._obstacle,)
        return failure_reasons(self._theirs, self._refusal)

    def _connect(self, route: Route) -> None:
        self.stop()
        self.state = SearchState.CONNECTED
        self._report(route)

    def _report(self, route: Route) -> None:
        self.route = route
        self._found(route)


def _is_better(kind: RouteKind, than: RouteKind | None) -> bool:
    return than is None or _BEST_FIRST.index(kind) < _BEST_FIRST.index(than)


def _places(candidates: Sequence[Candidate]) -> frozenset[tuple[PeerAddress, CandidateKind]]:
    """What makes candidates worth a new search; that a contact has probed them does not."""
    return frozenset((candidate.address, candidate.kind) for candidate in candidates)

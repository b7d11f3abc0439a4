"""Finds out how a device could be reached, without connecting to it: for the diagnosis."""

from __future__ import annotations

from twisted.internet import defer

from bitween.connect.candidates import (
    UNANSWERED,
    dial_order,
    direct_obstacle,
    punch_obstacle,
    route_kind_at,
)
from bitween.connect.context import ConnectContext
from bitween.errors import BitweenError
from bitween.model.catalogue.changes import Key
from bitween.model.route import Obstacle, Route, RouteKind

#: Seconds for a device or a server to answer.
SURVEY_PATIENCE = 5.0

_RELAY_UNKNOWN = Obstacle.of("obstacle.relay_unknown")


class RouteSurvey:
    """Probes the addresses of a device; what comes after, such as hole punching, is not tried."""

    def __init__(self, context: ConnectContext) -> None:
        self._context = context

    async def find_route(self, device: Key) -> Route:
        """Find the route that a connection would probably take; with the reasons for no better."""
        context = self._context
        announced = context.catalogue.candidates(*device)
        if any(context.ports.policy.needs_proof(c.address) for c in announced):
            await context.ports.neighbours.request_proof(*device)
        ours, theirs = context.own_candidates(), context.dialable(device, announced)
        no_direct = direct_obstacle(ours, theirs)
        if no_direct is not None:
            return await self._find_relay(device, no_direct)
        race = context.ports.prober.race(dial_order(theirs, ours))
        race.addTimeout(SURVEY_PATIENCE, context.clock, onTimeoutCancel=lambda *_: None)
        address = await race
        if address is not None:
            return Route(route_kind_at(address, theirs), address)
        return await self._find_relay(device, punch_obstacle(ours, theirs) or UNANSWERED)

    async def _find_relay(self, device: Key, why: Obstacle) -> Route:
        asking = self._context.ports.relay.find_route(*device)
        asking.addTimeout(SURVEY_PATIENCE, self._context.clock)
        try:
            relay = await asking
        except defer.TimeoutError:
            return Route(obstacles=(why, _RELAY_UNKNOWN))
        except BitweenError as error:
            return Route(obstacles=(why, Obstacle.of_error(error)))
        kind = RouteKind.IN_BAND if relay.in_band else RouteKind.RELAY
        return Route(kind, through=relay.through, obstacles=(why,))

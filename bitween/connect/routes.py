"""How devices are reached, as far as that is known: what the API and the diagnosis ask."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from bitween.connect.candidates import route_kind_at
from bitween.connect.context import ConnectContext
from bitween.connect.device import RemoteDevice
from bitween.connect.liveness import Liveness
from bitween.connect.survey import RouteSurvey
from bitween.model.address import LOWEST_PORT, PeerAddress
from bitween.model.catalogue.changes import Key
from bitween.model.events import RouteFound
from bitween.model.peer import Peer
from bitween.model.route import UNTRIED, Obstacle, Route, RouteKind
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable

#: Devices that a survey looks at.
MAX_SURVEYED = 30

_BEST_FIRST = list(RouteKind)
_SILENT = Route(obstacles=(Obstacle.of("obstacle.not_answering"),))


class RouteTable:
    """
    Answers how devices are reached; it changes nothing.

    A ``jid`` is a bare JID everywhere; with a ``resource`` it names one device of the account.

    :ivar changes: notifies of each route that is found, and of devices without one.
    """

    def __init__(
        self, context: ConnectContext, devices: Mapping[Key, RemoteDevice], liveness: Liveness
    ) -> None:
        """:param devices: all devices, kept up to date by the connector."""
        self._context = context
        self._devices = devices
        self._liveness = liveness
        self._survey = RouteSurvey(context)
        self.changes: Observable[RouteFound] = Observable()

    def notify(self, jid: str, resource: str) -> None:
        """Notify of the route to a device."""
        route = self.route(jid, resource)
        self.changes.notify(RouteFound(jid=jid, resource=resource, route=route))

    def route(self, jid: str, resource: str) -> Route:
        """The route to a device, as far as it was searched for."""
        device = self._devices.get((jid, resource))
        if device is None:
            return UNTRIED
        return _SILENT if self.answers(jid, resource) is False else device.route

    def answers(self, jid: str, resource: str) -> bool | None:
        """Whether a device answers pings; ``None`` if it was not pinged."""
        return self._liveness.answers((jid, resource))

    def any_source_answers(self, info_hash: InfoHash) -> bool | None:
        """
        Whether an online device that has a torrent answers.

        :returns: ``False`` if none of them answers; ``None`` if that is unknown.
        """
        sources = self._context.catalogue.torrents.sources(info_hash)
        answers = {self.answers(source.jid, source.resource) for source in sources}
        if True in answers:
            return True
        return False if answers == {False} else None

    def best_route(self, info_hash: InfoHash) -> Route | None:
        """The best route to an online device that has a torrent; ``None`` without such devices."""
        return min(self._routes(info_hash), key=rank, default=None)

    def count_reachable(self, info_hash: InfoHash) -> int:
        """How many online devices have a torrent and are not known to be unreachable."""
        routes = self._routes(info_hash)
        return sum(route.kind is not None or not route.obstacles for route in routes)

    def _routes(self, info_hash: InfoHash) -> list[Route]:
        sources = self._context.catalogue.torrents.sources(info_hash)
        return [self.route(source.jid, source.resource) for source in sources]

    def may_dial(self, jid: str, resource: str, address: PeerAddress) -> bool:
        """Whether an address may be dialled if this device announces it; see DialPolicy."""
        return self._context.may_dial((jid, resource), address)

    def contact_behind_relay(self, address: str) -> str | None:
        """
        The bare JID for which a local address of the relay stands; ``None`` for any other.

        :param address: an IP address.
        """
        key = self._context.ports.relay.device_at(address)
        return key[0] if key else None

    def route_kind(self, peer: Peer) -> RouteKind:
        """The kind of route over which a peer is connected."""
        relayed = self._context.ports.relay.device_at(peer.address)
        if relayed is not None:
            in_band = self.route(*relayed).kind is RouteKind.IN_BAND
            return RouteKind.IN_BAND if in_band else RouteKind.RELAY
        if peer.utp:
            return RouteKind.PUNCHED
        # The port does not matter: without candidates, the address alone tells.
        return route_kind_at(PeerAddress(peer.address, LOWEST_PORT))

    async def find_all(self) -> list[tuple[str, Route]]:
        """
        Find out how online devices are or would be reached, without connecting to them.

        :returns: full JIDs and routes, sorted by JID; of the first :data:`MAX_SURVEYED`.
        """
        online = sorted(
            (jid, a.resource) for jid, a in self._context.catalogue.online_announcements()
        )
        keys = online[:MAX_SURVEYED]
        routes = [Deferred.fromCoroutine(self._survey_route(key)) for key in keys]
        return [("/".join(key), await route) for key, route in zip(keys, routes, strict=True)]

    async def _survey_route(self, key: Key) -> Route:
        known = self.route(*key)
        return await self._survey.find_route(key) if known == UNTRIED else known


def rank(route: Route) -> int:
    """The place of a route among others, best first; the last one for none."""
    return len(_BEST_FIRST) if route.kind is None else _BEST_FIRST.index(route.kind)

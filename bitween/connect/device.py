"""
One device of a contact that has what one of our torrents needs.

The connector makes a :class:`RemoteDevice` when a torrent needs a device that is online, and drops
it when the device goes offline.  A device owns the :class:`~bitween.connect.ladder.Ladder` that
searches for a route to it, and does what the ladder asks for: probe, request, punch, relay.  Its
states:

============= ======================================= ==============================================
state         meaning                                 left when
============= ======================================= ==============================================
IDLE          no torrent needs the device             a torrent needs it
PROVING       it is asked to prove that it is in our  it answers, or some seconds pass
              network; addresses there would be best
QUEUED        it waits for one of the few slots for   another search ends
              searches (:mod:`.slots`)
SEARCHING     its ladder searches, no route is known  a route is found, or none is left
DIALLING      libtorrent dials the route              a peer is seen at its address; after
                                                      CONNECTING seconds without one the ladder
                                                      goes on to the next step
CONNECTED     a peer was seen since the route was     no peer is seen for LOST seconds: the route is
              found                                   forgotten, and the search begins again
UNREACHABLE   there is no route, for known reasons    the ladder finds one when it tries again, or
                                                      the candidates change
============= ======================================= ==============================================

A device returns to IDLE from any state when no torrent needs it any longer; the route stays known.
The connector looks every :data:`~bitween.connect.connector.POLL` seconds at who is connected while
a device is PROVING, SEARCHING or DIALLING, and less often otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bitween.connect.candidates import confirmed_address, may_share_network, route_kind_at
from bitween.connect.context import ConnectContext
from bitween.connect.ladder import Ladder
from bitween.errors import BitweenError, RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import Key
from bitween.model.peer import Peer
from bitween.model.route import Route, RouteKind
from bitween.model.torrent import InfoHash

#: Seconds that libtorrent has to connect to an address that answers.
CONNECTING = 3.0
#: Seconds without a connection after which the search for a route begins again.
LOST = 10.0

#: The kinds of routes that lead through XMPP servers.
BY_RELAY = frozenset({RouteKind.RELAY, RouteKind.IN_BAND})


class DeviceState(Enum):
    """Where the connection to a device stands; see the table above."""

    IDLE = auto()
    PROVING = auto()
    QUEUED = auto()
    SEARCHING = auto()
    DIALLING = auto()
    CONNECTED = auto()
    UNREACHABLE = auto()


class DeviceObserver(Protocol):
    """What a device tells the connector."""

    def search_began(self, device: RemoteDevice) -> None:
        """Note that its ladder has begun to search."""

    def route_found(self, device: RemoteDevice) -> None:
        """Note that its route has changed."""

    def proof_ended(self, device: RemoteDevice) -> None:
        """Note that it is no longer PROVING; other candidates may be dialled now."""

    def route_lost(self, device: RemoteDevice) -> None:
        """Note that nothing is connected over its route any longer, which is forgotten."""


class RemoteDevice:
    """
    A device that is online, the torrents that need it, and the route to it.

    :ivar key: bare JID and resource.
    :ivar candidates: all that it announces.
    :ivar dialable: those of them that may be dialled.
    :ivar torrents: those that need it.
    """

    _log = Logger()

    def __init__(self, key: Key, context: ConnectContext, observer: DeviceObserver) -> None:
        self.key = key
        self._context = context
        self._observer = observer
        self._ladder = Ladder(context.clock, self, self._route_found)
        self._is_proving = False
        self._is_closed = False
        # Bytes of the largest torrent that the route may carry; None for any.
        self._size_limit: int | None = None
        self._is_relayed = False
        # When the route was found or the torrents last stood still; reactor seconds.
        self._dialling_since = context.clock.seconds()
        self._seen_at: float | None = None
        # Torrents for which the device was connected, or asked to dial us.
        self._invited: set[InfoHash] = set()
        self.candidates: tuple[Candidate, ...] = ()
        self.dialable: tuple[Candidate, ...] = ()
        self.torrents: set[InfoHash] = set()

    @property
    def name(self) -> str:
        """The full JID."""
        return "/".join(self.key)

    @property
    def state(self) -> DeviceState:
        """Where the connection stands."""
        if not self.torrents:
            return DeviceState.IDLE
        if self._is_proving:
            return DeviceState.PROVING
        if self.route.kind is not None:
            return DeviceState.DIALLING if self._is_unseen else DeviceState.CONNECTED
        if self.is_searching:
            return DeviceState.SEARCHING
        return DeviceState.UNREACHABLE if self.route.obstacles else DeviceState.QUEUED

    @property
    def route(self) -> Route:
        """The best route that is known."""
        return self._ladder.route

    @property
    def is_searching(self) -> bool:
        """Whether its ladder searches while no route is known."""
        return self._ladder.searching

    @property
    def is_downloading(self) -> bool:
        """Whether a torrent that needs it fetches something now."""
        return any(map(self._context.is_downloading, self.torrents))

    @property
    def is_connected(self) -> bool:
        """Whether a peer was seen within the last LOST seconds, whatever the route."""
        now = self._context.clock.seconds()
        return self._seen_at is not None and now - self._seen_at < LOST

    @property
    def _is_unseen(self) -> bool:
        return self._seen_at is None or self._seen_at < self._dialling_since

    def need(self, info_hash: InfoHash) -> None:
        """Note that a torrent needs the device."""
        if not self.torrents:
            # The device was idle: it was not expected to be connected.
            self._stand_still()
        self.torrents.add(info_hash)

    def release(self, info_hash: InfoHash) -> None:
        """Note that a torrent needs the device no longer."""
        self.torrents.discard(info_hash)
        self._invited.discard(info_hash)
        if not self.torrents:
            self._ladder.stop()

    def stop(self) -> None:
        """Stop searching."""
        self._ladder.stop()

    def close(self) -> None:
        """Forget the device, which is offline."""
        self._is_closed = True
        self._ladder.forget()

    def reset_route(self) -> None:
        """Forget the route and what the device has proved: it may be elsewhere now."""
        self._context.ports.relay.disconnect(*self.key)
        self._context.ports.neighbours.forget(*self.key)
        self._is_relayed = False
        self._ladder.forget()

    def update_candidates(self) -> None:
        """Take over what the device announces now; it may have to prove that it is near."""
        self.candidates = self._context.catalogue.candidates(*self.key)
        self._update_dialable()
        if self._context.needing_proof(self.key, self.candidates) and not self._is_proving:
            # The address in our network is the best one: the others wait a moment.
            own = self._context.own_candidates()
            self._is_proving = may_share_network(self.candidates, own)
            self._context.tasks.start(self._prove(), "proving a shared network")

    def _update_dialable(self) -> None:
        self.dialable = tuple(self._context.dialable(self.key, self.candidates))

    async def _prove(self) -> None:
        await self._context.ports.neighbours.request_proof(*self.key)
        if not self._is_closed:
            self._is_proving = False
            self._update_dialable()
            self._observer.proof_ended(self)

    def start_search(self) -> None:
        """Search for a route, or a better one."""
        self._ladder.start(self._context.own_candidates(), self.dialable)

    def addresses_for(self, info_hash: InfoHash, *, answers: bool | None) -> list[PeerAddress]:
        """
        The addresses that libtorrent dials for a torrent now; none or one.

        :param answers: whether the device answers XMPP pings; ``None`` if that is unknown.
        """
        route = self.route
        if route.kind is None:
            if route.obstacles:
                return []
            address = confirmed_address(self.dialable, self._context.own_candidates())
            return [] if address is None else [address]
        if route.address is None or route.inbound_only or route.kind is RouteKind.PUNCHED:
            return []
        if route.kind in BY_RELAY and answers is False:
            # A relay's local address accepts every connection, which would look like a peer; but
            # the stream behind it needs a device that answers.
            return []
        if route.kind is RouteKind.IN_BAND and not self._fits(info_hash):
            return []
        return [route.address]

    def invite(self, info_hash: InfoHash) -> None:
        """Ask the device to connect for another torrent, if we cannot dial it by ourselves."""
        needs_invitation = self.route.inbound_only or self.route.kind is RouteKind.PUNCHED
        if needs_invitation and info_hash not in self._invited:
            self._invited.add(info_hash)
            self._context.tasks.start(self._invite(info_hash, self.route), "inviting a contact")

    async def _invite(self, info_hash: InfoHash, route: Route) -> None:
        if route.kind is RouteKind.PUNCHED and route.address is not None:
            # Both NATs already let the packets of both sides through.
            self._context.swarm.dial_simultaneously(info_hash, [], [route.address])
        try:
            await self._context.request_connection(self.key, info_hash)
        except BitweenError as error:
            # If no peer is seen soon, the ladder goes on.
            self._log.debug("{who!r} does not connect: {error}", who=self.name, error=error)

    def note_peer(self) -> None:
        """Note that a peer is connected that may be this device."""
        self._seen_at = self._context.clock.seconds()

    def note_connection(self, info_hash: InfoHash, peer: Peer, address: PeerAddress) -> None:
        """
        Note that the device is connected directly for a torrent.

        :param address: the candidate at which it is.
        """
        ports = self._context.ports
        self._invited.add(info_hash)
        ports.policy.connected(self.key[0], address)
        if self._context.needing_proof(self.key, [Candidate(address)]):
            ports.neighbours.connected(*self.key, address.address)
            self._update_dialable()
        kind = RouteKind.PUNCHED if peer.utp else route_kind_at(address, self.candidates)
        has_dialled_us = peer.port is None and not peer.utp
        self._ladder.connected(kind, address, inbound_only=has_dialled_us)
        if self._is_relayed:
            self._is_relayed = False
            ports.relay.disconnect(*self.key)

    def check_connection(self) -> None:
        """Move on if the route that was found leads to no connection, or no longer does."""
        now = self._context.clock.seconds()
        if not self.is_downloading:
            self._stand_still()
        if self.route.kind is None or self.route.kind in BY_RELAY:
            return
        if self._seen_at is not None and now - max(self._seen_at, self._dialling_since) > LOST:
            self._seen_at = None
            self._invited.clear()
            self._ladder.forget()
            self._observer.route_lost(self)
        elif self._is_unseen and now - self._dialling_since > CONNECTING:
            self._ladder.dial_refused()

    def _stand_still(self) -> None:
        self._dialling_since = self._context.clock.seconds()
        self._seen_at = None

    def _route_found(self, _route: Route) -> None:
        self._dialling_since = self._context.clock.seconds()
        self._observer.route_found(self)

    def search_began(self) -> None:
        """Tell the connector."""
        self._observer.search_began(self)

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Find the best address that answers."""
        return self._context.ports.prober.race(addresses)

    def request_connection(self) -> Deferred[Sequence[Candidate]]:
        """
        Have the device dial us for one of the torrents.

        :raises BitweenError: if it cannot or does not want to.
        """
        asking = self._context.request_connection(self.key, min(self.torrents))
        return Deferred.fromCoroutine(asking)

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """Dial the device over uTP while it dials us."""
        addresses = [candidate.address for candidate in candidates]
        for info_hash in self.torrents:
            self._context.swarm.dial_simultaneously(info_hash, [], addresses)

    def find_relay(self) -> Deferred[Route]:
        """
        Find a route through XMPP servers.

        :raises BitweenError: if there is none, or all torrents are too large for it.
        """
        return Deferred.fromCoroutine(self._find_relay())

    async def _find_relay(self) -> Route:
        relay = self._context.ports.relay
        found = await relay.find_route(*self.key)
        self._size_limit = found.most
        if not any(map(self._fits, self.torrents)):
            raise RequestRefused.of("request_refused.too_large", most=found.most or 0)
        self._is_relayed = True
        kind = RouteKind.IN_BAND if found.in_band else RouteKind.RELAY
        return Route(kind, relay.local_address(*self.key), found.through)

    def _fits(self, info_hash: InfoHash) -> bool:
        """Whether a torrent, by the size that the device announces, is small enough."""
        if self._size_limit is None:
            return True
        share = self._context.catalogue.share_of(*self.key, info_hash)
        return share is not None and share.size <= self._size_limit

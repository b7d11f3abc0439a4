"""The peers that are connected for a torrent, by contact and route."""

from __future__ import annotations

from bitween.app.ports import SwarmPort
from bitween.app.traffic import TrafficAccount
from bitween.connect.routes import RouteTable
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from bitween.model.torrent import InfoHash


class ConnectedPeers:
    """Names the contact behind each peer, as far as that is known."""

    def __init__(self, swarm: SwarmPort, routes: RouteTable, traffic: TrafficAccount) -> None:
        self._swarm = swarm
        self._routes = routes
        self._traffic = traffic

    def of(self, info_hash: InfoHash) -> list[tuple[str | None, Peer, RouteKind]]:
        """
        List the peers of a torrent.

        :returns: for each the contact's bare JID, ``None`` if unknown, the peer and its route.
        :raises UnknownTorrent: if the library has no such torrent.
        """
        return [
            (
                self._traffic.contact_at(peer.address, peer.port),
                peer,
                self._routes.route_kind(peer),
            )
            for peer in self._swarm.peers(info_hash)
        ]

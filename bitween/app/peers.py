"""The peers that are connected for a torrent, by contact and route."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.app.ports import SwarmPort
from bitween.app.traffic import TrafficAccount
from bitween.connect.connector import PeerConnector
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class ConnectedPeer:
    """
    A peer with what is known of who it is.

    :param contact: a bare JID; ``None`` if unknown.
    :param introducer: the contact that has introduced it; ``None`` for a contact itself.
    """

    peer: Peer
    contact: str | None
    introducer: str | None
    route: RouteKind


class ConnectedPeers:
    """Names the contact behind each peer, as far as that is known."""

    def __init__(self, swarm: SwarmPort, connector: PeerConnector, traffic: TrafficAccount) -> None:
        self._swarm = swarm
        self._connector = connector
        self._traffic = traffic

    def of(self, info_hash: InfoHash) -> list[ConnectedPeer]:
        """
        List the peers of a torrent.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return [self._known(info_hash, peer) for peer in self._swarm.peers(info_hash)]

    def _known(self, info_hash: InfoHash, peer: Peer) -> ConnectedPeer:
        contact = self._traffic.contact_at(peer.address, peer.port)
        introduced = self._connector.introduced
        introducer = None if contact else introduced.introducer(info_hash, peer)
        route = self._connector.routes.route_kind(peer)
        return ConnectedPeer(peer, contact, introducer, route)

"""
Finds out which devices the connected peers are.

libtorrent knows peers by IP address only.  A peer at a local address of the relay is the device
that the address stands for.  Any other peer is the device that announces its address and port, or,
where none does, one of those that announce its address: a device that dials us comes from any port.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bitween.connect.context import ConnectContext
from bitween.connect.device import RemoteDevice
from bitween.model.address import PeerAddress
from bitween.model.catalogue.changes import Key
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash


class Sightings:
    """Tells devices of the peers that are connected to us."""

    def __init__(self, context: ConnectContext, devices: Mapping[Key, RemoteDevice]) -> None:
        """:param devices: all devices, kept up to date by the connector."""
        self._context = context
        self._devices = devices

    def update(self, info_hash: InfoHash, sources: Collection[Key]) -> None:
        """
        Look at the peers of a torrent.

        :param sources: the devices that have it.
        """
        swarm = self._context.swarm
        if info_hash not in swarm.library:
            return
        for peer in swarm.peers(info_hash):
            matches = self._identify(peer, sources)
            for key in matches:
                self._devices[key].note_peer()
            if len(matches) != 1:
                # It could be each of these devices, so it is none of them for certain.
                continue
            ((key, address),) = matches.items()
            if address is not None:
                self._devices[key].note_connection(info_hash, peer, address)

    def _identify(self, peer: Peer, sources: Collection[Key]) -> dict[Key, PeerAddress | None]:
        """
        The devices that a peer may be.

        :returns: each with the candidate at which it is; ``None`` for one that is relayed.
        """
        relayed = self._context.ports.relay.device_at(peer.address)
        if relayed is not None:
            return {relayed: None} if relayed in sources else {}
        at_address: dict[Key, PeerAddress | None] = {
            key: candidate.address
            for key in sources
            for candidate in self._devices[key].candidates
            if candidate.address.address == peer.address
        }
        exact: dict[Key, PeerAddress | None] = {
            key: candidate.address
            for key in at_address
            for candidate in self._devices[key].candidates
            if (candidate.address.address, candidate.address.port) == (peer.address, peer.port)
        }
        return exact or at_address

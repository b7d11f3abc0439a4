"""Turns what libtorrent tells of connected peers into values."""

from __future__ import annotations

from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.transfer_counters import PeerConnection
from bitween.model.peer import Peer
from bitween.model.text import printable

# The flags of a peer that is connected over uTP, and over TLS, which have no name in Python
# (peer_info.hpp).
_UTP = 1 << 17
_TLS = 1 << 18
# Characters of what a peer says it is.
_MAX_CLIENT = 60


def connection(peer: lt.peer_info) -> PeerConnection:
    """Copy what tells one connection from another, and how much it moved."""
    address, port = peer.ip
    return PeerConnection(
        address,
        port,
        incoming=not peer.flags & lt.peer_info.local_connection,
        downloaded=peer.total_download,
        uploaded=peer.total_upload,
    )


def peer_value(peer: lt.peer_info) -> Peer:
    """Copy what we show of a peer."""
    of_peer = connection(peer)
    client: Any = peer.client
    return Peer(
        address=of_peer.address,
        port=None if of_peer.incoming else of_peer.port,
        client=printable(client.decode("utf-8", "replace"), _MAX_CLIENT),
        progress=peer.progress,
        download_rate=peer.payload_down_speed,
        upload_rate=peer.payload_up_speed,
        downloaded=of_peer.downloaded,
        uploaded=of_peer.uploaded,
        utp=bool(peer.flags & _UTP),
        sealed=bool(peer.flags & _TLS),
    )

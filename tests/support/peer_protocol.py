"""What BitTorrent peers say to each other."""

from __future__ import annotations

from bitween.model.torrent import InfoHash


def handshake(info_hash: InfoHash) -> bytes:
    """What a peer says first (BEP 3)."""
    return (
        b"\x13BitTorrent protocol" + bytes(8) + bytes.fromhex(info_hash) + b"-XX0000-aaaaaaaaaaaa"
    )

"""A peer of one of our torrents, without libtorrent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A peer that we are connected to for a torrent.

    :param address: an IP address.
    :param port: the port that it listens on; ``None`` if it dialled us.
    :param client: the program that it claims to be; may be empty.
    :param progress: 0..1, how much of the torrent it has.
    :param download_rate: bytes/s of content that we get from it.
    :param upload_rate: bytes/s of content that it gets from us.
    :param downloaded: bytes of content that we got over this connection.
    :param uploaded: the same for the other direction.
    :param utp: whether it is connected over uTP; otherwise over TCP.
    :param sealed: whether the connection is sealed by the secret of the share (TLS); otherwise
        content goes over it in the clear.
    """

    address: str
    port: int | None
    client: str = ""
    progress: float = 0.0
    download_rate: int = 0
    upload_rate: int = 0
    downloaded: int = 0
    uploaded: int = 0
    utp: bool = False
    sealed: bool = False

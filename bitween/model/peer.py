"""A peer of a torrent of ours, as everybody but libtorrent sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Somebody to whom we are connected for a torrent.

    :param address: an IP address.
    :param port: where it listens; ``None`` where it dialled us.
    :param client: the program that it says it is; may be empty.
    :param progress: 0..1, how much of the torrent it has.
    :param download_rate: bytes/s of content that it brings.
    :param upload_rate: bytes/s of content that it takes.
    :param downloaded: bytes of content that it brought over this connection.
    :param uploaded: the same for the other direction.
    :param utp: whether it is connected over uTP, not TCP.
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

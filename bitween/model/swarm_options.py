"""What the settings say of the BitTorrent side."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.model.torrent_options import UNLIMITED, Limits


@dataclass(frozen=True, slots=True)
class SwarmOptions:
    """
    What the settings say of the BitTorrent side.

    :param listen: address and port; an empty address means all, port 0 one that is chosen once.
    :param sealed: whether sealed torrents are spoken at that port; if not, plain ones are, and a
        sealed torrent has nobody to connect to.
    :param plain_port: where plain torrents are spoken beside the sealed ones, 0 for a port that is
        chosen once; ``None`` for nowhere.
    :param limits: of all torrents together.
    :param limit_lan: whether those apply on local networks too.
    :param active_downloads: how many run at the same time, 0 for any number.
    :param port_mapping: whether to ask routers for a port.
    :param look_seconds: how often the files of a torrent with an error are checked; those of the
        others half as often, or less if they are many.
    :param progress_seconds: how often libtorrent is asked which torrents have changed.
    :param reconnect_seconds: how long a peer is not dialled again after its connection has ended;
        for each failure this time is added once more.
    """

    listen: tuple[str, int] = ("", 0)
    sealed: bool = True
    plain_port: int | None = None
    limits: Limits = UNLIMITED
    limit_lan: bool = False
    active_downloads: int = 0
    port_mapping: bool = True
    look_seconds: float = 30.0
    progress_seconds: float = 1.0
    reconnect_seconds: int = 2

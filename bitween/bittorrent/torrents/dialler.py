"""Has libtorrent dial the peers of our torrents."""

from __future__ import annotations

from collections.abc import Sequence

from bitween.bittorrent.engine.alerts import Phase
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.model.address import PeerAddress


class Dialler:
    """Dials the offered addresses of torrents that peers could help."""

    def __init__(self, context: Context) -> None:
        self._registry = context.registry
        self._session = context.session

    def offer(self, torrent: ManagedTorrent, addresses: Sequence[PeerAddress]) -> None:
        """
        Dial these addresses for a torrent from now on, first ones first.

        :param addresses: replace those that were offered before.
        """
        torrent.peers = tuple(addresses)
        if torrent.wants_peers:
            self.dial(torrent)

    def dial(self, torrent: ManagedTorrent) -> None:
        """Dial the offered addresses; at once if that disconnects no peer."""
        status = torrent.status
        alone = status is None or (
            status.peers == 0 and status.phase in (Phase.METADATA, Phase.DOWNLOADING)
        )
        self._session().dial(torrent.record.info_hash, torrent.peers, at_once=alone)
        torrent.dialled = torrent.peers

    def dial_new(self, torrent: ManagedTorrent) -> None:
        """Dial the addresses that were offered since the torrent was added to the session."""
        if torrent.wants_peers and torrent.peers != torrent.dialled:
            self.dial(torrent)

    def dial_at_once(self, torrent: ManagedTorrent) -> None:
        """
        Dial the offered addresses now that libtorrent has checked the files.

        It dials no peer before, and by itself only when it next looks at its peers.
        """
        status = torrent.status
        fetches = status is not None and status.phase is Phase.DOWNLOADING and not status.peers
        if fetches and torrent.peers and torrent.wants_peers:
            self.dial(torrent)

    def dial_missing(self) -> None:
        """Dial again for torrents that have fewer peers than offered addresses."""
        for torrent in self._registry:
            connected = torrent.status.peers if torrent.status else 0
            if torrent.wants_peers and connected < len(torrent.peers):
                self._session().dial(torrent.record.info_hash, torrent.peers, at_once=False)

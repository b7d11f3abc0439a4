"""Has libtorrent dial the peers of our torrents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bitween.bittorrent.engine.alerts import Phase
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.model.address import PeerAddress


class Dialler:
    """Dials the addresses that were offered, where connecting to somebody could help."""

    def __init__(self, members: TorrentRegistry, session: Callable[[], Session]) -> None:
        self._members = members
        self._session = session

    def offer(self, member: ManagedTorrent, addresses: Sequence[PeerAddress]) -> None:
        """Dial these for a torrent from now on, first ones first."""
        member.peers = tuple(addresses)
        if member.wants_peers:
            self.dial(member)

    def dial(self, member: ManagedTorrent) -> None:
        """Dial what was offered, at once if nobody would be disturbed."""
        status = member.status
        alone = status is None or (
            status.peers == 0 and status.phase in (Phase.METADATA, Phase.DOWNLOADING)
        )
        self._session().dial(member.record.info_hash, member.peers, at_once=alone)
        member.dialled = member.peers

    def dial_new(self, member: ManagedTorrent) -> None:
        """Dial what was offered since the torrent was put into the session."""
        if member.wants_peers and member.peers != member.dialled:
            self.dial(member)

    def dial_at_once(self, member: ManagedTorrent) -> None:
        """
        Dial what was offered now that libtorrent has looked at the files.

        It dials nobody before, and by itself only at its next look at its peers.
        """
        status = member.status
        fetches = status is not None and status.phase is Phase.DOWNLOADING and not status.peers
        if fetches and member.peers and member.wants_peers:
            self.dial(member)

    def dial_missing(self) -> None:
        """Dial again for all torrents that have fewer peers than were offered."""
        for member in self._members:
            connected = member.status.peers if member.status else 0
            if member.wants_peers and connected < len(member.peers):
                self._session().dial(member.record.info_hash, member.peers, at_once=False)

"""Counts what each connection of each torrent brought since it was last looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bitween.model.events import PeerMoved
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class PeerConnection:
    """
    One peer of a torrent.

    :param port: where it listens, unless it is ``incoming``.
    :param incoming: whether it dialled us.
    :param downloaded: bytes of content that came over this connection.
    :param uploaded: the same for the other direction.
    """

    address: str
    port: int
    incoming: bool
    downloaded: int
    uploaded: int


class TransferCounters:
    """Looks at the connections of those torrents of which something moved, a few at a time."""

    def __init__(
        self,
        connections: Callable[[InfoHash], Sequence[PeerConnection]],
        tell: Callable[[PeerMoved], None],
    ) -> None:
        """
        :param connections: those of a torrent, as they are now.
        :param tell: called with what a peer brought or took.
        """
        self._connections = connections
        self._tell = tell
        self._counters: dict[InfoHash, TorrentCounters] = {}
        self._due: dict[InfoHash, None] = {}

    def moved(self, info_hash: InfoHash) -> None:
        """Have a torrent looked at soon."""
        self._due[info_hash] = None

    def step(self, most: int) -> None:
        """Look at the torrents that wait for it longest."""
        for info_hash in list(self._due)[:most]:
            self.look(info_hash)

    def look_at_all(self) -> None:
        """Look at all that wait for it."""
        self.step(len(self._due))

    def look(self, info_hash: InfoHash) -> None:
        """Look at one."""
        self._due.pop(info_hash, None)
        tally = self._counters.setdefault(info_hash, TorrentCounters())
        for moved in tally.count(self._connections(info_hash)):
            self._tell(moved)

    def forget(self, info_hash: InfoHash) -> None:
        """Look at one for the last time: its connections end."""
        if info_hash in self._due or info_hash in self._counters:
            self.look(info_hash)
            del self._counters[info_hash]


class TorrentCounters:
    """The connections of one torrent as they were when last looked at."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], PeerConnection] = {}

    def count(self, connections: Sequence[PeerConnection]) -> list[PeerMoved]:
        """What moved since the last time, by peer; of those that are gone nothing is known."""
        moved = list(self._moved(connections))
        self._seen = {(c.address, c.port): c for c in connections}
        return moved

    def _moved(self, connections: Sequence[PeerConnection]) -> Iterator[PeerMoved]:
        for now in connections:
            before = self._seen.get((now.address, now.port))
            if before is None or _is_another(before, now):
                down, up = now.downloaded, now.uploaded
            else:
                down, up = now.downloaded - before.downloaded, now.uploaded - before.uploaded
            if down or up:
                # A peer that dialled us has a port of its own for that.
                port = None if now.incoming else now.port
                yield PeerMoved(address=now.address, port=port, downloaded=down, uploaded=up)


def _is_another(before: PeerConnection, now: PeerConnection) -> bool:
    """Whether a connection was closed and another one opened between the same sockets."""
    return now.downloaded < before.downloaded or now.uploaded < before.uploaded

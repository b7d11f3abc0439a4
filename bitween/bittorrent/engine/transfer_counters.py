"""Counts the bytes that each connection of each torrent moved since it was last read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bitween.model.events import PeerMoved
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class PeerConnection:
    """
    One peer of a torrent.

    :param port: its listen port, unless it is ``incoming``.
    :param incoming: whether it dialled us.
    :param downloaded: bytes of content that we received over this connection.
    :param uploaded: bytes of content that we sent over it.
    """

    address: str
    port: int
    incoming: bool
    downloaded: int
    uploaded: int


class TransferCounters:
    """Reads the connections of torrents that moved something, a few at a time."""

    def __init__(
        self,
        connections: Callable[[InfoHash], Sequence[PeerConnection]],
        tell: Callable[[PeerMoved], None],
    ) -> None:
        """
        :param connections: returns the present connections of a torrent.
        :param tell: called for each connection that moved something since its torrent was last
            read.
        """
        self._connections = connections
        self._tell = tell
        self._counters: dict[InfoHash, TorrentCounters] = {}
        self._due: dict[InfoHash, None] = {}

    def moved(self, info_hash: InfoHash) -> None:
        """Have the connections of a torrent read soon."""
        self._due[info_hash] = None

    def step(self, most: int) -> None:
        """
        Read the torrents that have waited longest.

        :param most: how many torrents to read at most.
        """
        for info_hash in list(self._due)[:most]:
            self.read(info_hash)

    def count_all(self) -> None:
        """Read all waiting torrents."""
        self.step(len(self._due))

    def read(self, info_hash: InfoHash) -> None:
        """Read the connections of one torrent."""
        self._due.pop(info_hash, None)
        counters = self._counters.setdefault(info_hash, TorrentCounters())
        for moved in counters.count(self._connections(info_hash)):
            self._tell(moved)

    def forget(self, info_hash: InfoHash) -> None:
        """Read a torrent for the last time: its connections end."""
        if info_hash in self._due or info_hash in self._counters:
            self.read(info_hash)
            del self._counters[info_hash]


class TorrentCounters:
    """The connections of one torrent as they were last read."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], PeerConnection] = {}

    def count(self, connections: Sequence[PeerConnection]) -> list[PeerMoved]:
        """
        Count what moved since the last time, by peer; closed connections are not counted.

        :param connections: all present connections of the torrent.
        :returns: an entry for each connection that moved something.
        """
        moved = list(self._moved(connections))
        self._seen = {(c.address, c.port): c for c in connections}
        return moved

    def _moved(self, connections: Sequence[PeerConnection]) -> Iterator[PeerMoved]:
        for now in connections:
            before = self._seen.get((now.address, now.port))
            if before is None or _is_new_connection(before, now):
                down, up = now.downloaded, now.uploaded
            else:
                down, up = now.downloaded - before.downloaded, now.uploaded - before.uploaded
            if down or up:
                # A peer that dialled us has a port of its own for that.
                port = None if now.incoming else now.port
                yield PeerMoved(address=now.address, port=port, downloaded=down, uploaded=up)


def _is_new_connection(before: PeerConnection, now: PeerConnection) -> bool:
    """Whether a connection was closed and another one opened between the same sockets."""
    return now.downloaded < before.downloaded or now.uploaded < before.uploaded

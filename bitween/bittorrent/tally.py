"""Counts what each connection of a torrent brought since it was last looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bitween.model.events import PeerMoved


@dataclass(frozen=True, slots=True)
class Connection:
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


class Tally:
    """The connections of one torrent as they were when last looked at."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], Connection] = {}

    def count(self, connections: Sequence[Connection]) -> list[PeerMoved]:
        """What moved since the last time, by peer; of those that are gone nothing is known."""
        moved = list(self._moved(connections))
        self._seen = {(c.address, c.port): c for c in connections}
        return moved

    def _moved(self, connections: Sequence[Connection]) -> Iterator[PeerMoved]:
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


def _is_another(before: Connection, now: Connection) -> bool:
    """Whether a connection was closed and another one opened between the same sockets."""
    return now.downloaded < before.downloaded or now.uploaded < before.uploaded

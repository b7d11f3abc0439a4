"""Lets downloads run in turn, if not all of them may run at the same time."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.queue import STALLED, QueueEntry, waiting
from bitween.bittorrent.torrents.registry import TorrentRegistry


class DownloadQueue:
    """Has downloads wait or go on, soon after anything changed, once for all that did."""

    def __init__(
        self,
        reactor: SessionReactor,
        members: TorrentRegistry,
        limit: int,
        changed: Callable[[ManagedTorrent], None],
    ) -> None:
        """
        :param limit: how many run at the same time, 0 for any number.
        :param changed: called with a torrent that is to wait now, or to go on.
        """
        self._reactor = reactor
        self._members = members
        self._limit = limit
        self._changed = changed
        self._running = False
        self._arranging: IDelayedCall | None = None

    def begin(self) -> None:
        """Arrange the queue from now on."""
        self._running = True

    def end(self) -> None:
        """Arrange it no more."""
        self._running = False
        if self._arranging is not None:
            self._arranging.cancel()
            self._arranging = None

    def disturb(self) -> None:
        """Have the queue arranged soon."""
        if self._limit and self._running and self._arranging is None:
            self._arranging = self._reactor.callLater(0, self._arrange)

    def _arrange(self) -> None:
        self._arranging = None
        waits = waiting(
            (self._candidate(member) for member in self._members if member.competes), self._limit
        )
        for member in self._members:
            queued = member.record.info_hash in waits
            if member.queued != queued:
                member.queued = queued
                self._changed(member)
        self._members.tell_shares()

    def _candidate(self, member: ManagedTorrent) -> QueueEntry:
        in_vain = self._reactor.seconds() - member.busy_at
        return QueueEntry(
            member.record.wishes.rank,
            member.record.added,
            member.record.info_hash,
            stalled=not member.queued and in_vain > STALLED,
        )

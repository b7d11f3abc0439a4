"""
Seeds in plain form what everybody in the roster may have, where the user allows that.

The plain form (:mod:`bitween.bittorrent.engine.plain_twins`) of a torrent lasts as long as the
torrent is sealed, complete, running and open to everybody.
"""

from __future__ import annotations

from twisted.logger import Logger

from bitween.bittorrent.engine.add_torrent import Loading
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.errors import SwarmError
from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentRemoved
from bitween.model.torrent import InfoHash


class OpenShares:
    """Loads the plain form of torrents, and removes it at once when it may no longer be had."""

    _log = Logger()

    def __init__(self, context: Context, *, allowed: bool) -> None:
        """:param allowed: whether plain peers are spoken to."""
        self._context = context
        self._registry = context.registry
        self._refused: set[InfoHash] = set()
        self._allowed = allowed
        if allowed:
            context.registry.events.subscribe(self._event)

    def update_all(self) -> None:
        """Do so for all torrents; called from time to time."""
        for torrent in self._registry if self._allowed else ():
            self.update(torrent)

    def update(self, torrent: ManagedTorrent) -> None:
        """Load or remove the plain form of a torrent."""
        session, info_hash = self._context.running, torrent.record.info_hash
        if session is None or (info_hash in session.twins) == _is_open(torrent):
            return
        if info_hash in session.twins:
            session.twins.remove(info_hash)
        elif info_hash not in self._refused:
            try:
                session.twins.load(_loading(torrent))
            except SwarmError as error:
                self._refused.add(info_hash)
                self._log.warn("{info_hash}: {error}", info_hash=info_hash, error=error)

    def _event(self, event: SwarmEvent) -> None:
        session = self._context.running
        if session is None:
            return
        if isinstance(event, TorrentRemoved):
            session.twins.remove(event.info_hash)
        elif isinstance(event, TorrentAdded | TorrentChanged):
            torrent = self._registry.get(event.torrent.info_hash)
            if torrent is not None:
                self.update(torrent)


def _is_open(torrent: ManagedTorrent) -> bool:
    record = torrent.record
    running = torrent.loaded and torrent.complete and not torrent.halted
    return running and record.seal is not None and record.options.access.is_open


def _loading(torrent: ManagedTorrent) -> Loading:
    record, layout = torrent.record, torrent.layout
    return Loading(
        info_hash=record.info_hash,
        folder=record.folder,
        torrent_file=record.torrent_file,
        paths=layout.paths if layout and not layout.by_default else (),
        resume_data=None,
        trusted=True,
        halted=False,
        have_all=True,
        holes=(),
        priorities=None,
        sequential=False,
        limits=record.options.limits,
        peers=(),
    )

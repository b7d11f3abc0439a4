"""Hands what libtorrent says to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine.alerts import Alert, TorrentStatus
from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.engine.piece_reader import PieceReader
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.engine.status_queue import StatusQueue
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.lifecycle import TorrentLifecycle
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.bittorrent.torrents.startup import Startup
from bitween.errors import StoreError
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import failed


class AlertRouter:
    """Takes alerts one by one, however it went with the one before."""

    _log = Logger()

    def __init__(
        self,
        members: TorrentRegistry,
        session: Callable[[], Session],
        *,
        backlog: StatusQueue,
        startup: Startup,
        loader: Loader,
        flusher: Flusher,
        steering: TorrentController,
        milestones: TorrentLifecycle,
        saver: ResumeDataSaver,
        pieces: PieceReader,
    ) -> None:
        self._members = members
        self._session = session
        self._backlog = backlog
        self._startup = startup
        self._loader = loader
        self._flusher = flusher
        self._steering = steering
        self._milestones = milestones
        self._saver = saver
        self._pieces = pieces

    def take(self, said: Alert | TorrentStatus) -> None:
        """Have whom it concerns go by it."""
        try:
            if isinstance(said, TorrentStatus):
                self._milestones.take_status(said)
            else:
                self._take(said)
        except StoreError as error:
            # The others have to be heard all the same.
            self._log.error("{error}", error=error)

    def _take(self, alert: Alert) -> None:
        match alert:
            case alerts.TorrentStatuses(statuses=statuses):
                self._backlog.add(statuses)
            case alerts.Loaded(info_hash=info_hash, error=error):
                self._take_loaded(info_hash, error)
            case alerts.Flushed(info_hash=info_hash):
                self._backlog.hurry(info_hash)
                self._flusher.take(info_hash)
            case alerts.Removed() | alerts.Deleted():
                self._loader.take(alert)
            case alerts.FileFailed(info_hash=info_hash, path=path, error=error, code=code):
                self._steering.fail(info_hash, failed(path, code, error))
            case alerts.PeerBanned(info_hash=info_hash, peer=peer):
                self._log.warn(
                    "{peer} sent wrong bytes for {info_hash} and is refused from now on",
                    peer=peer,
                    info_hash=info_hash,
                )
            case alerts.PieceRead():
                self._pieces.take(alert)
            case alerts.Dropped():
                self._take_dropped()

    def _take_loaded(self, info_hash: InfoHash, error: str) -> None:
        self._startup.take_loaded(info_hash)
        if not self._loader.is_leaving(info_hash):
            self._steering.take_loaded(info_hash, error)
        self._startup.settle()

    def _take_dropped(self) -> None:
        self._log.warn("libtorrent's alerts overflowed: asking for everything anew")
        statuses = {status.info_hash: status for status in self._session().statuses()}
        self._saver.expect_nothing()
        self._flusher.forget_all()
        self._loader.take_all_but(statuses)
        for info_hash, status in statuses.items():
            self._take_loaded(info_hash, "")
            self._milestones.take_status(status)

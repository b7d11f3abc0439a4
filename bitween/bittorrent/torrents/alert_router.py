"""Which handler gets which of libtorrent's alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import Logger

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine.alerts import Alert, TorrentStatus
from bitween.bittorrent.torrents.parts import Parts
from bitween.errors import StoreError
from bitween.model.torrent import InfoHash
from bitween.model.torrent_error import failed


class AlertRouter:
    """
    Hands each alert to its handler, by the table in :meth:`_handlers`.

    A handler that cannot store something is logged, so that the alerts after it are handled, too.
    """

    _log = Logger()

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._table = self._handlers()
        parts.statuses.handle = self.take_status

    def _handlers(self) -> Mapping[type[Alert], Callable[[Any], object]]:
        parts = self._parts
        return {
            alerts.TorrentStatuses: lambda alert: parts.statuses.add(alert.statuses),
            alerts.Loaded: self._take_loaded,
            alerts.Flushed: self._take_flushed,
            alerts.Finished: lambda alert: parts.flusher.expect_unasked(alert.info_hash),
            alerts.Removed: parts.loader.take,
            alerts.Deleted: parts.loader.take,
            alerts.FileFailed: self._take_file_error,
            alerts.PeerBanned: self._log_ban,
            alerts.CertificateFailed: self._log_certificate,
            alerts.MetadataFailed: lambda alert: parts.guard.take_failure(alert.info_hash),
            alerts.PieceRead: parts.pieces.take,
            alerts.Dropped: self._take_dropped,
        }

    def take(self, alert: Alert) -> None:
        """Hand an alert to its handler, if there is one for its type."""
        handler = self._table.get(type(alert))
        if handler is not None:
            self._call(handler, alert)

    def take_status(self, status: TorrentStatus) -> None:
        """Hand on the status of one torrent."""
        self._call(self._parts.lifecycle.take_status, status)

    def _call(self, handler: Callable[[Any], object], argument: object) -> None:
        try:
            handler(argument)
        except StoreError as error:
            self._log.error("{error}", error=error)

    def _take_loaded(self, alert: alerts.Loaded) -> None:
        self._loaded(alert.info_hash, alert.error)

    def _loaded(self, info_hash: InfoHash, error: str) -> None:
        self._parts.startup.take_loaded(info_hash)
        if not self._parts.loader.is_leaving(info_hash):
            self._parts.controller.take_loaded(info_hash, error)
        self._parts.startup.check_ready()

    def _take_flushed(self, alert: alerts.Flushed) -> None:
        self._parts.statuses.flush(alert.info_hash)
        self._parts.flusher.take(alert.info_hash)

    def _take_file_error(self, alert: alerts.FileFailed) -> None:
        error = failed(alert.path, alert.code, alert.error)
        self._parts.controller.fail(alert.info_hash, error)

    def _log_ban(self, alert: alerts.PeerBanned) -> None:
        self._log.warn(
            "{peer} sent wrong bytes for {info_hash} and is refused from now on",
            peer=alert.peer,
            info_hash=alert.info_hash,
        )

    def _log_certificate(self, alert: alerts.CertificateFailed) -> None:
        self._log.error(
            "no peer can be connected for {name!r}, because libtorrent refuses its {error}",
            name=alert.name,
            error=alert.error,
        )

    def _take_dropped(self, _: alerts.Dropped) -> None:
        """Ask for everything that the lost alerts would have brought."""
        self._log.warn("libtorrent's alert queue overflowed: asking for the state of all torrents")
        parts = self._parts
        statuses = {status.info_hash: status for status in parts.context.session().statuses()}
        parts.saver.expect_nothing()
        parts.flusher.forget_all()
        parts.loader.finish_all_except(statuses)
        for info_hash, status in statuses.items():
            self._loaded(info_hash, "")
            parts.lifecycle.take_status(status)

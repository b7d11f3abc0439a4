"""
Turns libtorrent's alerts, which are valid until the next ones are fetched, into values.

The values name a torrent by its own info-hash, whatever it has in the session.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.alerts import (
    Alert,
    CertificateFailed,
    Connected,
    Deleted,
    Dropped,
    ExternalAddress,
    FileFailed,
    Finished,
    Flushed,
    ListenFailed,
    Listening,
    Loaded,
    MetadataFailed,
    PeerBanned,
    Phase,
    PieceRead,
    PortMapped,
    PortNotMapped,
    Removed,
    ResumeData,
    Stirred,
    TorrentStatus,
    TorrentStatuses,
)
from bitween.bittorrent.engine.plain_twins import NO_TWIN, PlainTwins
from bitween.bittorrent.engine.session_hashes import info_hash_text
from bitween.model.text import printable
from bitween.model.torrent import InfoHash

# Alerts, or statuses, that are copied at once: about 3 ms.
_PORTION = 250

# What libtorrent's message names when it cannot use what it is given for TLS (torrent.cpp).
_ABOUT_TLS = re.compile(r"\[(certificate|private key|dh params)\]")

# Each of our ports is open for TCP and UDP: one of the two is told.
_LISTENING = {lt.socket_type_t.tcp: False, lt.socket_type_t.tcp_ssl: True}

_PHASES = {
    lt.torrent_status.downloading_metadata: Phase.METADATA,
    lt.torrent_status.queued_for_checking: Phase.CHECKING,
    lt.torrent_status.checking_files: Phase.CHECKING,
    lt.torrent_status.checking_resume_data: Phase.CHECKING,
    lt.torrent_status.allocating: Phase.CHECKING,
    lt.torrent_status.downloading: Phase.DOWNLOADING,
    lt.torrent_status.finished: Phase.FINISHED,
    lt.torrent_status.seeding: Phase.SEEDING,
}


class AlertConversion:
    """Copies what matters out of alerts and statuses."""

    def __init__(
        self,
        hash_of: Callable[[lt.info_hash_t], InfoHash | None],
        twins: PlainTwins | None = None,
        status_of: Callable[[InfoHash], lt.torrent_status | None] = lambda _: None,
    ) -> None:
        """
        :param hash_of: returns the own info-hash of a torrent in the session; ``None`` for a twin,
            whose alerts are left out.
        :param twins: the plain twins in the session.
        :param status_of: returns the status of a torrent that is in the session; waits for
            libtorrent.
        """
        self._hash_of = hash_of
        self._twins = twins
        self._status_of = status_of

    def values(self, alerts: Iterable[lt.alert]) -> Iterator[Alert]:
        """
        Copy what matters out of alerts, in their order, lazily.

        :param alerts: fetched from libtorrent, which makes them invalid when the next ones are
            fetched.
        :returns: the values; alerts that bitween does not use are left out.
        """
        for alert in alerts:
            if isinstance(alert, lt.state_update_alert):
                yield from self._statuses(alert)
            elif (value := self._value(alert)) is not None:
                yield value

    def portions(self, alerts: Iterable[lt.alert]) -> Iterator[list[Alert]]:
        """
        Copy alerts in portions: to copy the statuses of thousands of torrents takes long.

        :param alerts: see :meth:`values`.
        :returns: lists of values, none of them empty.
        """
        portion = []
        for value in self.values(alerts):
            portion.append(value)
            if len(portion) == _PORTION or isinstance(value, TorrentStatuses):
                yield portion
                portion = []
        if portion:
            yield portion

    def status(self, status: lt.torrent_status) -> TorrentStatus:
        """Copy what matters out of a torrent's status."""
        info_hash = self._hash_of(status.info_hashes) or info_hash_text(status.info_hashes)
        twin = self._twins.numbers(info_hash) if self._twins else NO_TWIN
        return TorrentStatus(
            info_hash=info_hash,
            phase=_PHASES[status.state],
            has_metadata=status.has_metadata,
            done=status.total_done,
            wanted=status.total_wanted,
            wanted_done=status.total_wanted_done,
            download_rate=status.download_payload_rate,
            upload_rate=status.upload_payload_rate + twin.rate,
            downloaded=status.all_time_download,
            uploaded=status.all_time_upload + twin.total,
            peers=status.num_peers + twin.peers,
            error=_words(status.errc),
        )

    def _statuses(self, alert: lt.state_update_alert) -> Iterator[TorrentStatuses]:
        named = map(self._main, alert.status)
        statuses = [status for status in named if status is not None]
        for start in range(0, len(statuses), _PORTION):
            yield TorrentStatuses(tuple(map(self.status, statuses[start : start + _PORTION])))

    def _main(self, status: lt.torrent_status) -> lt.torrent_status | None:
        """The status of a torrent, in place of that of its twin."""
        if self._twins is None or self._hash_of(status.info_hashes) is not None:
            return status
        info_hash = info_hash_text(status.info_hashes)
        self._twins.take(info_hash, status)
        return self._status_of(info_hash)

    def _value(self, alert: lt.alert) -> Alert | None:
        read = _READERS.get(type(alert))
        if read is not None:
            return read(alert)
        of_torrent = _TORRENT_READERS.get(type(alert))
        if of_torrent is None:
            return None
        info_hashes = _INFO_HASHES.get(type(alert), _info_hashes_of_handle)(alert)
        info_hash = None if info_hashes is None else self._hash_of(info_hashes)
        if info_hash is None:
            return None
        if isinstance(alert, lt.save_resume_data_alert):
            return self._resume_data(info_hash, alert)
        return of_torrent(info_hash, alert)

    def _resume_data(self, info_hash: InfoHash, alert: lt.save_resume_data_alert) -> ResumeData:
        params = alert.params
        if self._twins is not None:
            params.total_uploaded += self._twins.numbers(info_hash).total
        return ResumeData(info_hash, lt.write_resume_data_buf(params))


def _info_hashes_of_handle(alert: Any) -> lt.info_hash_t | None:
    """The info-hashes of a torrent; ``None`` if it has left the session meanwhile."""
    return alert.handle.info_hashes() if alert.handle.is_valid() else None


def _loaded(info_hash: InfoHash, alert: lt.add_torrent_alert) -> Loaded:
    return Loaded(info_hash, _words(alert.error))


def _listening(alert: lt.listen_succeeded_alert) -> Listening | None:
    sealed = _LISTENING.get(alert.socket_type)
    return None if sealed is None else Listening(alert.address, alert.port, sealed)


def _listen_failed(alert: lt.listen_failed_alert) -> ListenFailed:
    error = alert.error
    in_use = error.value() == errno.EADDRINUSE
    return ListenFailed(alert.address, alert.port, _words(error), in_use)


def _port_mapped(alert: lt.portmap_alert) -> PortMapped:
    tcp = alert.map_protocol == lt.portmap_protocol.tcp
    return PortMapped(alert.mapping, alert.external_port, tcp)


def _port_not_mapped(alert: lt.portmap_error_alert) -> PortNotMapped:
    return PortNotMapped(alert.mapping, _words(alert.error))


def _connected(alert: lt.incoming_connection_alert | lt.peer_connect_alert) -> Connected:
    # Their socket type does not match lt.socket_type_t.
    return Connected(*alert.endpoint)


def _external_address(alert: lt.external_ip_alert) -> ExternalAddress:
    return ExternalAddress(alert.external_address)


def _file_failed(info_hash: InfoHash, alert: lt.file_error_alert) -> FileFailed:
    error = alert.error
    code = error.value() if error.category().name() == "system" else None
    return FileFailed(info_hash, printable(alert.filename(), 500), _words(error), code)


def _peer_banned(info_hash: InfoHash, alert: lt.peer_ban_alert) -> PeerBanned:
    address, port = alert.endpoint
    return PeerBanned(info_hash, f"{address} port {port}")


def _piece_read(info_hash: InfoHash, alert: lt.read_piece_alert) -> PieceRead | None:
    error = alert.error
    if error.value() == errno.ECANCELED:  # it is no longer requested
        return None
    return PieceRead(info_hash, alert.piece, alert.buffer, _words(error))


def _torrent_error(alert: lt.torrent_error_alert) -> Stirred | CertificateFailed | None:
    what = _ABOUT_TLS.search(alert.message())
    if what is None:
        return Stirred()
    if what[1] == "dh params":  # we give none: TLS 1.3 does without
        return None
    return CertificateFailed(printable(alert.torrent_name), f"{what[1]}: {_words(alert.error)}")


def _words(error: lt.error_code) -> str:
    return printable(error.message()) if error.value() else ""


_READERS: dict[type[lt.alert], Callable[[Any], Alert | None]] = {
    lt.listen_succeeded_alert: _listening,
    lt.listen_failed_alert: _listen_failed,
    lt.portmap_alert: _port_mapped,
    lt.portmap_error_alert: _port_not_mapped,
    lt.external_ip_alert: _external_address,
    lt.incoming_connection_alert: _connected,
    lt.peer_connect_alert: _connected,
    lt.alerts_dropped_alert: lambda _: Dropped(),
    lt.state_changed_alert: lambda _: Stirred(),
    lt.metadata_received_alert: lambda _: Stirred(),
    lt.torrent_checked_alert: lambda _: Stirred(),
    lt.torrent_error_alert: _torrent_error,
}

_TORRENT_READERS: dict[type[lt.alert], Callable[[InfoHash, Any], Alert | None]] = {
    lt.add_torrent_alert: _loaded,
    lt.save_resume_data_alert: lambda info_hash, _: ResumeData(info_hash, None),
    lt.torrent_removed_alert: lambda info_hash, _: Removed(info_hash),
    lt.torrent_deleted_alert: lambda info_hash, _: Deleted(info_hash),
    lt.torrent_delete_failed_alert: lambda info_hash, _: Deleted(info_hash),
    lt.cache_flushed_alert: lambda info_hash, _: Flushed(info_hash),
    lt.torrent_finished_alert: lambda info_hash, _: Finished(info_hash),
    lt.save_resume_data_failed_alert: lambda info_hash, _: ResumeData(info_hash, None),
    lt.file_error_alert: _file_failed,
    lt.metadata_failed_alert: lambda info_hash, _: MetadataFailed(info_hash),
    lt.peer_ban_alert: _peer_banned,
    lt.read_piece_alert: _piece_read,
}

# The handle of other alerts tells the torrent; that of these may be invalid.
_INFO_HASHES: dict[type[lt.alert], Callable[[Any], lt.info_hash_t]] = {
    lt.add_torrent_alert: lambda alert: alert.params.info_hashes,
    lt.save_resume_data_alert: lambda alert: alert.params.info_hashes,
    lt.torrent_removed_alert: lambda alert: alert.info_hashes,
    lt.torrent_deleted_alert: lambda alert: alert.info_hashes,
    lt.torrent_delete_failed_alert: lambda alert: alert.info_hashes,
}

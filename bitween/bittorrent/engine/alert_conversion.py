"""Turns libtorrent's alerts, which are valid until the next ones are fetched, into values."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.alerts import (
    Alert,
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
from bitween.model.text import printable
from bitween.model.torrent import InfoHash

# Alerts, or statuses, that are copied at once: about 3 ms.
_PORTION = 250

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


def values(alerts: Iterable[lt.alert]) -> Iterator[Alert]:
    """
    Copy what matters out of alerts, in their order, lazily.

    :param alerts: fetched from libtorrent, which makes them invalid when the next ones are fetched.
    :returns: the values; alerts that bitween does not use are left out.
    """
    for alert in alerts:
        if isinstance(alert, lt.state_update_alert):
            yield from _statuses(alert)
        elif (value := _value(alert)) is not None:
            yield value


def portions(alerts: Iterable[lt.alert]) -> Iterator[list[Alert]]:
    """
    Copy alerts in portions: to copy the statuses of thousands of torrents takes long.

    :param alerts: see :func:`values`.
    :returns: lists of values, none of them empty.
    """
    portion = []
    for value in values(alerts):
        portion.append(value)
        if len(portion) == _PORTION or isinstance(value, TorrentStatuses):
            yield portion
            portion = []
    if portion:
        yield portion


def status_value(status: lt.torrent_status) -> TorrentStatus:
    """Copy what matters out of a torrent's status."""
    return TorrentStatus(
        info_hash=info_hash_text(status.info_hashes),
        phase=_PHASES[status.state],
        has_metadata=status.has_metadata,
        done=status.total_done,
        wanted=status.total_wanted,
        wanted_done=status.total_wanted_done,
        download_rate=status.download_payload_rate,
        upload_rate=status.upload_payload_rate,
        downloaded=status.all_time_download,
        uploaded=status.all_time_upload,
        peers=status.num_peers,
        error=_words(status.errc),
    )


def info_hash_text(info_hashes: lt.info_hash_t) -> InfoHash:
    """
    The v1 info-hash as bitween writes it.

    :returns: 40 lowercase hexadecimal digits.
    """
    return InfoHash(info_hashes.v1.to_bytes().hex())


def _value(alert: lt.alert) -> Alert | None:
    read = _READERS.get(type(alert))
    if read is not None:
        return read(alert)
    of_torrent = _TORRENT_READERS.get(type(alert))
    # An alert for a torrent that has left the session meanwhile has no hash.
    if of_torrent is None or not alert.handle.is_valid():  # type: ignore[attr-defined]  # by type
        return None
    return of_torrent(info_hash_text(alert.handle.info_hashes()), alert)  # type: ignore[attr-defined]  # same


def _loaded(alert: lt.add_torrent_alert) -> Loaded:
    return Loaded(info_hash_text(alert.params.info_hashes), _words(alert.error))


def _resume_data(alert: lt.save_resume_data_alert) -> ResumeData:
    params = alert.params
    return ResumeData(info_hash_text(params.info_hashes), lt.write_resume_data_buf(params))


def _removed(alert: lt.torrent_removed_alert) -> Removed:
    return Removed(info_hash_text(alert.info_hashes))


def _deleted(alert: lt.torrent_deleted_alert) -> Deleted:
    return Deleted(info_hash_text(alert.info_hashes))


def _delete_failed(alert: lt.torrent_delete_failed_alert) -> Deleted:
    return Deleted(info_hash_text(alert.info_hashes))


def _statuses(alert: lt.state_update_alert) -> Iterator[TorrentStatuses]:
    statuses = alert.status
    for start in range(0, len(statuses), _PORTION):
        yield TorrentStatuses(tuple(map(status_value, statuses[start : start + _PORTION])))


def _listening(alert: lt.listen_succeeded_alert) -> Listening | None:
    tcp = alert.socket_type == lt.socket_type_t.tcp
    return Listening(alert.address, alert.port) if tcp else None


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


def _words(error: lt.error_code) -> str:
    return printable(error.message()) if error.value() else ""


_READERS: dict[type[lt.alert], Callable[[Any], Alert | None]] = {
    lt.add_torrent_alert: _loaded,
    lt.save_resume_data_alert: _resume_data,
    lt.torrent_removed_alert: _removed,
    lt.torrent_deleted_alert: _deleted,
    lt.torrent_delete_failed_alert: _delete_failed,
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
    lt.torrent_error_alert: lambda _: Stirred(),
}

_TORRENT_READERS: dict[type[lt.alert], Callable[[InfoHash, Any], Alert | None]] = {
    lt.cache_flushed_alert: lambda info_hash, _: Flushed(info_hash),
    lt.torrent_finished_alert: lambda info_hash, _: Finished(info_hash),
    lt.save_resume_data_failed_alert: lambda info_hash, _: ResumeData(info_hash, None),
    lt.file_error_alert: _file_failed,
    lt.metadata_failed_alert: lambda info_hash, _: MetadataFailed(info_hash),
    lt.peer_ban_alert: _peer_banned,
    lt.read_piece_alert: _piece_read,
}

"""The daemon's status, and sums over all torrents and contacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bitween.app.diagnosis import free_space
from bitween.app.limits import LimitsInForce, RateLimits
from bitween.app.ports import Ports
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.connection import ConnectionState, ConnectionStatus


@dataclass(frozen=True, slots=True)
class TransferTotals:
    """
    Sums over all our torrents, and over all contacts whose shares we see.

    :param size: bytes of all torrents.
    :param done: verified bytes.
    :param download_rate: bytes/s.
    :param upload_rate: bytes/s.
    """

    torrents: int
    complete: int
    size: int
    done: int
    download_rate: int
    upload_rate: int
    peers: int
    contacts: int
    contacts_online: int


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """
    The daemon's status.

    :param listening: the sockets that accept peers, as IP address and port.
    :param addresses: where contacts can dial us, best first.
    :param download_dir: where downloads go by default.
    :param free: bytes that are free there; ``None`` if unknown.
    :param uptime: seconds.
    """

    connection: ConnectionStatus
    own_jid: str
    listening: tuple[tuple[str, int], ...]
    addresses: tuple[PeerAddress, ...]
    totals: TransferTotals
    limits: LimitsInForce
    download_dir: str
    free: int | None
    uptime: float


class StatusReporter:
    """Reports the daemon's status."""

    def __init__(
        self,
        ports: Ports,
        *,
        catalogue: Catalogue,
        limits: RateLimits,
        download_dir: str,
        steady: Callable[[], float],
    ) -> None:
        """:param steady: seconds from an arbitrary beginning; the daemon has just started."""
        self._ports = ports
        self._catalogue = catalogue
        self._limits = limits
        self._download_dir = download_dir
        self._steady = steady
        self._started = steady()

    def report(self) -> DaemonStatus:
        """:returns: the status at this moment."""
        return DaemonStatus(
            connection=self._ports.messenger.status,
            own_jid=self._ports.messenger.own_jid,
            listening=tuple(self._ports.swarm.listening),
            addresses=self._ports.own_addresses.addresses,
            totals=self._totals(),
            limits=self._limits.in_force,
            download_dir=self._download_dir,
            free=free_space(self._download_dir),
            uptime=self._steady() - self._started,
        )

    def _totals(self) -> TransferTotals:
        torrents = list(self._ports.swarm.library)
        contacts = [contact.jid for contact in self._ports.messenger.contacts if contact.trusted]
        online = self._ports.messenger.status.state is ConnectionState.ONLINE
        return TransferTotals(
            torrents=len(torrents),
            complete=sum(torrent.complete for torrent in torrents),
            size=sum(torrent.progress.total for torrent in torrents),
            done=sum(torrent.progress.done for torrent in torrents),
            download_rate=sum(torrent.progress.download_rate for torrent in torrents),
            upload_rate=sum(torrent.progress.upload_rate for torrent in torrents),
            peers=sum(torrent.progress.peers for torrent in torrents),
            contacts=len(contacts),
            contacts_online=sum(bool(self._catalogue.online(jid)) for jid in contacts)
            if online
            else 0,
        )

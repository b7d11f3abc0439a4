"""Where libtorrent listens, as it takes that, and what it tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from bitween.bittorrent.engine.alerts import Alert, ListenFailed, Listening
from bitween.errors import SwarmError


class ListenError(SwarmError):
    """
    A socket could not be opened.

    :ivar in_use: whether another program uses that port.
    """

    def __init__(self, message: str, in_use: bool) -> None:
        super().__init__(message)
        self.in_use = in_use


def interfaces(address: str, sealed_port: int | None, plain_port: int | None) -> str:
    """
    List sockets as libtorrent takes them; those of sealed torrents have an ``s``.

    :param address: an IP address; empty for all.
    :param sealed_port: ``None`` for no such sockets.
    :param plain_port: the same.
    """
    hosts = ["0.0.0.0", "[::]"]  # noqa: S104  # peers come from everywhere
    if address:
        hosts = [f"[{address}]" if ":" in address else address]
    sockets = [f"{host}:{sealed_port}s" for host in hosts if sealed_port is not None]
    sockets += [f"{host}:{plain_port}" for host in hosts if plain_port is not None]
    return ",".join(sockets)


def outgoing(listening: str) -> str:
    """
    List the addresses from which peers are dialled, as libtorrent takes them; empty for any.

    A daemon that listens at one address is known to contacts by it, and they allow no other.
    Relayed peers are at IPv4 loopback.
    """
    if not listening or ip_address(listening).is_unspecified:
        return ""
    return f"{listening},127.0.0.1" if ":" in listening else listening


def opened(alerts: Iterable[Alert], address: str, port: int | None) -> tuple[Listening, ...]:
    """
    Find out which sockets libtorrent has opened.

    :param alerts: those that it posted meanwhile.
    :param address: where it was to listen; empty for all addresses.
    :param port: the same.
    :raises ListenError: if none is open, or another program uses the port on one address.
    """
    alerts = list(alerts)
    sockets = tuple(alert for alert in alerts if isinstance(alert, Listening))
    for failure in alerts:
        if isinstance(failure, ListenFailed) and (failure.in_use or not sockets):
            raise ListenError(
                f"{failure.address} port {failure.port}: {failure.error}", in_use=failure.in_use
            )
    if not sockets:
        raise ListenError(f"{address or 'no address'} port {port}: cannot listen", in_use=False)
    return sockets

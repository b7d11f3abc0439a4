"""
Diagnosis: checks each part of the path between us and our contacts, and says what would help.

Each check is a function that gives a :class:`Finding`; :class:`Diagnosis` runs them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from bitween.app.ports import Ports
from bitween.connect.routes import RouteTable
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.diagnosis import Finding
from bitween.model.nat import Nat
from bitween.model.route import Obstacle, Route, RouteKind
from bitween.model.text import printable

#: Bytes; a warning tells that less than this is free.
_LOW_SPACE = 10**9


class Diagnosis:
    """Runs all checks."""

    def __init__(
        self,
        ports: Ports,
        *,
        catalogue: Catalogue,
        routes: RouteTable,
        download_dir: str,
        checks: Sequence[Callable[[], Finding]] = (),
    ) -> None:
        """
        :param download_dir: where downloads go by default.
        :param checks: further checks; each :meth:`run` calls them.
        """
        self._ports = ports
        self._catalogue = catalogue
        self._routes = routes
        self._download_dir = download_dir
        self._checks = checks

    async def run(self) -> list[Finding]:
        """Check the log-in, the server, our addresses, the routes to contacts, and the disk."""
        mapped, addresses = self._ports.swarm.mapped, self._ports.own_addresses.addresses
        return [
            log_in(self._ports.messenger.status),
            *await self._ports.messenger.check_server(),
            listening(self._ports.swarm.listening),
            mapping(mapped, addresses),
            nat(self._ports.own_addresses.nat, mapped),
            announced(addresses),
            *(check() for check in self._checks),
            contacts(self._catalogue, self._routes.may_dial),
            *routes(await self._routes.find_all()),
            disk(self._download_dir),
        ]


def log_in(status: ConnectionStatus) -> Finding:
    """Check the connection to the XMPP server."""
    if status.state is ConnectionState.ONLINE:
        return Finding.of("log-in.good", jid=status.jid)
    if not status.error:
        return Finding.of("log-in.bad", state=status.state.value)
    why = () if status.cause is None else (Obstacle.of_error(status.cause),)
    state = status.state.value
    return Finding.of("log-in.bad.error", state=state, reason=status.error, obstacles=why)


def listening(sockets: Sequence[tuple[str, int]]) -> Finding:
    """
    Check that a port is open for peers.

    :param sockets: IP address and port of each socket that accepts peers.
    """
    if not sockets:
        return Finding.of("listening.bad")
    ports = ", ".join(str(port) for port in sorted({port for _, port in sockets}))
    return Finding.of("listening.good", ports=ports)


def mapping(mapped: Sequence[PeerAddress], announced: Sequence[PeerAddress]) -> Finding:
    """
    Check that peers in other networks can connect.

    :param mapped: the addresses that routers forward to us.
    :param announced: the addresses that contacts can dial.
    """
    if mapped:
        return Finding.of("mapping.good", addresses=", ".join(map(str, mapped)))
    if any(address.is_global for address in announced):
        return Finding.of("mapping.good.public")
    return Finding.of("mapping.warning")


def nat(known: Nat | None, mapped: Sequence[PeerAddress]) -> Finding:
    """
    Check that hole punching works with our router (RFC 4787).

    :param known: how the router translates our addresses; ``None`` if unknown.
    :param mapped: the addresses that routers forward to us.
    """
    if known is None or known.endpoint_independent is None:
        return Finding.of("nat.unknown")
    if not known.translates:
        return Finding.of("nat.good.none")
    if known.endpoint_independent:
        return Finding.of("nat.good")
    return Finding.of("nat.good.forwarded" if mapped else "nat.warning")


def announced(addresses: Sequence[PeerAddress]) -> Finding:
    """
    Check that we announce an address to contacts.

    :param addresses: those that contacts can dial, best first.
    """
    if not addresses:
        return Finding.of("addresses.bad")
    listed = ", ".join(map(str, addresses))
    if all(address.is_loopback for address in addresses):
        return Finding.of("addresses.warning", addresses=listed)
    return Finding.of("addresses.good", addresses=listed)


def contacts(catalogue: Catalogue, may_dial: Callable[[str, str, PeerAddress], bool]) -> Finding:
    """
    Check that the contacts who are online can be dialled.

    :param may_dial: whether a device, by bare JID and resource, may have us dial an address.
    """
    online, dialable = 0, 0
    for jid in catalogue.jids():
        for resource, listing in catalogue.listings(jid).items():
            if listing.online:
                online += 1
                addresses = listing.announcement.addresses
                dialable += any(may_dial(jid, resource, address) for address in addresses)
    if not online:
        return Finding.of("contacts.unknown")
    if dialable < online:
        return Finding.of("contacts.warning", n=dialable, total=online)
    return Finding.of("contacts.good", n=dialable, total=online)


_ROUTE_FOUND = {
    RouteKind.LAN: "way.good.lan",
    RouteKind.IPV6: "way.good.ipv6",
    RouteKind.IPV4: "way.good.ipv4",
    RouteKind.MAPPED: "way.good.mapped",
    RouteKind.PUNCHED: "way.good.punched",
    RouteKind.RELAY: "way.good.relay",
    RouteKind.IN_BAND: "way.good.in_band",
}


def routes(known: Iterable[tuple[str, Route]]) -> Iterator[Finding]:
    """
    Check the route to each device of a contact that is online.

    :param known: full JIDs with their routes.
    """
    for full_jid, route in known:
        yield Finding.of(
            "way.warning" if route.kind is None else _ROUTE_FOUND[route.kind],
            jid=printable(full_jid, 200),
            through=route.through,
            reason=route.reason,
            fix=route.fix,
            obstacles=route.obstacles,
        )


def free_space(folder: str) -> int | None:
    """
    Measure the free space in a folder.

    :returns: bytes; ``None`` if unknown.
    """
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


def disk(folder: str) -> Finding:
    """Check that downloads can be stored."""
    try:
        stat = os.statvfs(folder)
    except OSError as error:
        return Finding.of("disk.bad", folder=folder, why=str(error.strerror))
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding.of("disk.bad.closed", folder=folder)
    free = stat.f_bavail * stat.f_frsize
    return Finding.of(
        "disk.warning" if free < _LOW_SPACE else "disk.good", free=free, folder=folder
    )

"""
Diagnosis: checks each part of the path between us and our contacts, and says what would help.

Each check is a function that gives a :class:`Finding`; :class:`Diagnosis` runs them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from bitween.app.ports import MessengerPort, OwnAddressesPort, SwarmPort
from bitween.connect.connector import PeerConnector
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.diagnosis import Finding, Verdict
from bitween.model.nat import Nat
from bitween.model.route import Route
from bitween.model.text import printable

#: Bytes; a warning tells that less than this is free.
_LOW_SPACE = 10**9


class Diagnosis:
    """Runs all checks."""

    def __init__(
        self,
        swarm: SwarmPort,
        messenger: MessengerPort,
        own_addresses: OwnAddressesPort,
        *,
        catalogue: Catalogue,
        connector: PeerConnector,
        download_dir: str,
        checks: Sequence[Callable[[], Finding]] = (),
    ) -> None:
        """
        :param download_dir: where downloads go by default.
        :param checks: further checks; each :meth:`run` calls them.
        """
        self._swarm = swarm
        self._messenger = messenger
        self._own_addresses = own_addresses
        self._catalogue = catalogue
        self._connector = connector
        self._download_dir = download_dir
        self._checks = checks

    async def run(self) -> list[Finding]:
        """Check the log-in, the server, our addresses, the routes to contacts, and the disk."""
        mapped, addresses = self._swarm.mapped, self._own_addresses.addresses
        return [
            log_in(self._messenger.status),
            *await self._messenger.survey(),
            listening(self._swarm.listening),
            mapping(mapped, addresses),
            nat(self._own_addresses.nat, mapped),
            announced(addresses),
            *(check() for check in self._checks),
            contacts(self._catalogue, self._connector.routes.may_dial),
            *routes(await self._connector.routes.survey()),
            disk(self._download_dir),
        ]


def log_in(status: ConnectionStatus) -> Finding:
    """Check the connection to the XMPP server."""
    if status.state is ConnectionState.ONLINE:
        return Finding(
            "log-in", Verdict.GOOD, f"connected as {status.jid}", values={"jid": status.jid}
        )
    why = f": {status.error}" if status.error else ""
    fix = "check --jid, --server and the password; the daemon's log has more"
    return Finding("log-in", Verdict.BAD, f"{status.state.value}{why}", fix)


def listening(sockets: Sequence[tuple[str, int]]) -> Finding:
    """
    Check that a port is open for peers.

    :param sockets: IP address and port of each socket that accepts peers.
    """
    if not sockets:
        return Finding("listening", Verdict.BAD, "no port is open for peers", "see --listen")
    ports = ", ".join(str(port) for port in sorted({port for _, port in sockets}))
    text = f"peers can connect to port {ports}"
    return Finding("listening", Verdict.GOOD, text, values={"ports": ports})


def mapping(mapped: Sequence[PeerAddress], announced: Sequence[PeerAddress]) -> Finding:
    """
    Check that peers in other networks can connect.

    :param mapped: the addresses that routers forward to us.
    :param announced: the addresses that contacts can dial.
    """
    if mapped:
        listed = ", ".join(map(str, mapped))
        text = f"the router forwards {listed}"
        return Finding("mapping", Verdict.GOOD, text, values={"addresses": listed})
    if any(address.is_global for address in announced):
        text = "not needed: this machine has a public address"
        return Finding("mapping", Verdict.GOOD, text, detail="public")
    fix = "enable UPnP or NAT-PMP in the router, or forward a port and name it with --announce"
    return Finding("mapping", Verdict.WARNING, "no router forwards a port to this machine", fix)


def nat(known: Nat | None, mapped: Sequence[PeerAddress]) -> Finding:
    """
    Check that hole punching works with our router (RFC 4787).

    :param known: how the router translates our addresses; ``None`` if unknown.
    :param mapped: the addresses that routers forward to us.
    """
    if known is None or known.endpoint_independent is None:
        text = "cannot tell whether the router uses the same port towards all contacts"
        fix = "ask the server's operator to announce STUN at two addresses (XEP-0215)"
        return Finding("nat", Verdict.UNKNOWN, text, fix)
    if not known.translates:
        text = "no router translates this machine's IPv4 address"
        return Finding("nat", Verdict.GOOD, text, detail="none")
    if known.endpoint_independent:
        text = "the router uses the same port towards all contacts: hole punching works"
        return Finding("nat", Verdict.GOOD, text)
    text = "the router uses another port towards each contact (symmetric NAT)"
    if mapped:
        text += ", but it forwards one to this machine"
        return Finding("nat", Verdict.GOOD, text, detail="forwarded")
    fix = (
        "enable UPnP or NAT-PMP in the router, or forward a port and name it with --announce; "
        "otherwise ask your internet provider for a public address or IPv6"
    )
    return Finding("nat", Verdict.WARNING, f"{text}: hole punching cannot work", fix)


def announced(addresses: Sequence[PeerAddress]) -> Finding:
    """
    Check that we announce an address to contacts.

    :param addresses: those that contacts can dial, best first.
    """
    if not addresses:
        fix = "check the network, or name an address with --announce"
        text = "this daemon announces no address to contacts"
        return Finding("addresses", Verdict.BAD, text, fix)
    listed = ", ".join(map(str, addresses))
    if all(address.is_loopback for address in addresses):
        text = f"{listed}: only programs on this machine"
        return Finding("addresses", Verdict.WARNING, text, values={"addresses": listed})
    return Finding("addresses", Verdict.GOOD, listed, values={"addresses": listed})


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
        return Finding("contacts", Verdict.UNKNOWN, "no contact is online with bitween")
    text = f"{dialable} of {online} contacts' devices announce an address to connect to"
    values = {"n": dialable, "total": online}
    if dialable < online:
        fix = "run bitween doctor on the other devices, too"
        return Finding("contacts", Verdict.WARNING, text, fix, values=values)
    return Finding("contacts", Verdict.GOOD, text, values=values)


def routes(known: Iterable[tuple[str, Route]]) -> Iterator[Finding]:
    """
    Check the route to each device of a contact that is online.

    :param known: full JIDs with their routes.
    """
    for full_jid, route in known:
        jid = printable(full_jid, 200)
        values = {"jid": jid, "through": route.through, "reason": route.reason, "fix": route.fix}
        text, why = f"{jid}: {route.text}", route.obstacles
        if route.kind is None:
            yield Finding("way", Verdict.WARNING, text, route.fix, values=values, obstacles=why)
        else:
            text += f" ({route.reason})" if route.reason else ""
            detail = route.kind.value
            yield Finding("way", Verdict.GOOD, text, route.fix, detail, values, why)


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
        return Finding(
            "disk",
            Verdict.BAD,
            f"{folder!r} cannot be used: {error.strerror}",
            "see --download-dir",
            values={"folder": folder, "why": str(error.strerror)},
        )
    free = stat.f_bavail * stat.f_frsize
    text = f"{free / 1e9:,.1f} GB free in {folder!r}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "disk",
            Verdict.BAD,
            f"permission denied: cannot write to {folder!r}",
            "check its permissions",
            detail="closed",
            values={"folder": folder},
        )
    values: dict[str, str | float] = {"free": free, "folder": folder}
    if free < _LOW_SPACE:
        return Finding("disk", Verdict.WARNING, text, "free some space there", values=values)
    return Finding("disk", Verdict.GOOD, text, values=values)

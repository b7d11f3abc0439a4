"""Looks at each part of the way between us and our contacts that is on our own side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.diagnosis import Finding, Verdict
from bitween.model.nat import Nat
from bitween.model.route import Route
from bitween.model.text import printable

#: Bytes below which somebody should hear of it.
_LITTLE_ROOM = 10**9


def log_in(status: ConnectionStatus) -> Finding:
    """Whether we are connected to the XMPP server."""
    if status.state is ConnectionState.ONLINE:
        return Finding(
            "log-in", Verdict.GOOD, f"connected as {status.jid}", values={"jid": status.jid}
        )
    why = f": {status.error}" if status.error else ""
    fix = "check --jid, --server and the password; the daemon's log has more"
    return Finding("log-in", Verdict.BAD, f"{status.state.value}{why}", fix)


def listening(sockets: Sequence[tuple[str, int]]) -> Finding:
    """Whether peers can connect at all."""
    if not sockets:
        return Finding("listening", Verdict.BAD, "no port is open for peers", "see --listen")
    ports = ", ".join(str(port) for port in sorted({port for _, port in sockets}))
    text = f"peers can connect to port {ports}"
    return Finding("listening", Verdict.GOOD, text, values={"ports": ports})


def mapping(mapped: Sequence[PeerAddress], announced: Sequence[PeerAddress]) -> Finding:
    """Whether peers in other networks can connect."""
    if mapped:
        where = ", ".join(map(str, mapped))
        text = f"the router forwards {where}"
        return Finding("mapping", Verdict.GOOD, text, values={"addresses": where})
    if any(address.is_global for address in announced):
        text = "not needed: this machine has a public address"
        return Finding("mapping", Verdict.GOOD, text, detail="public")
    fix = "enable UPnP or NAT-PMP in the router, or forward a port and name it with --announce"
    return Finding("mapping", Verdict.WARNING, "no router forwards a port to this machine", fix)


def nat(known: Nat | None, mapped: Sequence[PeerAddress]) -> Finding:
    """Whether holes can be punched through our router."""
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
    """Whether contacts are told where to dial us."""
    if not addresses:
        fix = "check the network, or name an address with --announce"
        text = "this daemon announces no address to contacts"
        return Finding("addresses", Verdict.BAD, text, fix)
    told = ", ".join(map(str, addresses))
    if all(address.is_loopback for address in addresses):
        text = f"{told}: only programs on this machine"
        return Finding("addresses", Verdict.WARNING, text, values={"addresses": told})
    return Finding("addresses", Verdict.GOOD, told, values={"addresses": told})


def contacts(catalogue: Catalogue, may_dial: Callable[[str, str, PeerAddress], bool]) -> Finding:
    """Whether the contacts who are there can be dialled."""
    there, dialable = 0, 0
    for jid in catalogue.jids():
        for resource, listing in catalogue.listings(jid).items():
            if listing.online:
                there += 1
                addresses = listing.announcement.addresses
                dialable += any(may_dial(jid, resource, address) for address in addresses)
    if not there:
        return Finding("contacts", Verdict.UNKNOWN, "no contact is online with bitween")
    text = f"{dialable} of {there} contacts' devices announce an address to connect to"
    values = {"n": dialable, "total": there}
    if dialable < there:
        fix = "run bitween doctor there, too"
        return Finding("contacts", Verdict.WARNING, text, fix, values=values)
    return Finding("contacts", Verdict.GOOD, text, values=values)


def free_room(folder: str) -> int | None:
    """
    How much finds room in a folder.

    :returns: bytes; ``None`` if that cannot be told.
    """
    try:
        room = os.statvfs(folder)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def ways(found: Iterable[tuple[str, Route]]) -> Iterator[Finding]:
    """How each device of a contact that is there is reached, by its full JID."""
    for jid, way in found:
        who = printable(jid, 200)
        rung = way.kind.value if way.kind else ""
        values = {"jid": who, "through": way.through, "reason": way.reason, "fix": way.fix}
        why = way.obstacles
        text = f"{who}: {way.text}"
        if way.kind is None:
            yield Finding("way", Verdict.WARNING, text, way.fix, values=values, obstacles=why)
        else:
            because = f" ({way.reason})" if way.reason else ""
            yield Finding(
                "way",
                Verdict.GOOD,
                text + because,
                way.fix,
                detail=rung,
                values=values,
                obstacles=why,
            )


def disk(folder: str) -> Finding:
    """Whether downloads find room."""
    try:
        room = os.statvfs(folder)
    except OSError as error:
        return Finding(
            "disk",
            Verdict.BAD,
            f"{folder!r} cannot be used: {error.strerror}",
            "see --download-dir",
            values={"folder": folder, "why": str(error.strerror)},
        )
    free = room.f_bavail * room.f_frsize
    text = f"{free / 1e9:,.1f} GB free in {folder!r}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "disk",
            Verdict.BAD,
            f"{folder!r} may not be written to",
            "check its permissions",
            detail="closed",
            values={"folder": folder},
        )
    values: dict[str, str | float] = {"free": free, "folder": folder}
    if free < _LITTLE_ROOM:
        return Finding("disk", Verdict.WARNING, text, "free some space there", values=values)
    return Finding("disk", Verdict.GOOD, text, values=values)

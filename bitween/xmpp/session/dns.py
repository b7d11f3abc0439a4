"""Where a domain's XMPP servers are (RFC 6120 §3.2, RFC 2782, XEP-0368)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.names import dns
from twisted.names.client import Resolver
from twisted.names.error import DNSNameError

from bitween.errors import NotConnected
from bitween.model.jid import ascii_domain
from bitween.model.text import printable

DEFAULT_PORT = 5222
#: seconds for a name server to answer, for each attempt.
DNS_TIMEOUTS = (1, 2, 4)

_DIRECT_TLS = "_xmpps-client._tcp"
_STARTTLS = "_xmpp-client._tcp"
#: Records of one service that are used: each may cost an attempt that takes long.
MAX_RECORDS = 10

_log = Logger()


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a server can be reached.

    :param direct_tls: whether TLS begins with the connection (XEP-0368), not after STARTTLS.
    """

    host: str
    port: int
    direct_tls: bool = False


@dataclass(frozen=True, slots=True)
class _Record:
    priority: int
    weight: int
    place: Place


def system_resolver(reactor: Any) -> Resolver:
    """
    Make a resolver that asks the name servers of this machine.

    :param reactor: provides ``IReactorUDP``, ``IReactorTCP`` and ``IReactorTime``.
    """
    return Resolver(resolv="/etc/resolv.conf", reactor=reactor)


async def look_up(
    resolver: Any, domain: str, draw: Callable[[], float] = random.random
) -> list[Place]:
    """
    Find the places where a domain is served, in the order in which to try them.

    :param resolver: provides ``IResolver``.
    :param domain: of a JID.
    :param draw: gives a number in 0..1, for the weights.
    :raises NotConnected: if the domain declares that it offers no XMPP.
    """
    name = ascii_domain(domain)
    asked = [_ask(resolver, name, service) for service in (_DIRECT_TLS, _STARTTLS)]
    direct, (starttls, offered) = await asked[0], await asked[1]
    records = [
        *(_record(payload, direct_tls=True) for payload in direct[0]),
        *(_record(payload, direct_tls=False) for payload in starttls),
    ]
    if records:
        # XEP-0368 §3: both kinds count as one set of records.
        return _ordered(records, draw)
    if not offered:
        raise NotConnected.of("not_connected.no_xmpp", host=domain)
    return [Place(name, DEFAULT_PORT)]


def _ask(resolver: Any, domain: str, service: str) -> Deferred[tuple[list[Any], bool]]:
    """Query SRV records; fires with the usable ones, and whether the service is offered."""
    asking: Deferred[Any] = resolver.lookupService(f"{service}.{domain}", timeout=DNS_TIMEOUTS)

    def answered(answer: Any) -> tuple[list[Any], bool]:
        found = [r.payload for r in answer[0] if r.type == dns.SRV and r.payload is not None]
        usable = [r for r in found[:MAX_RECORDS] if r.target.name.strip(b".") and r.port]
        # RFC 2782: a target of "." means decidedly not.
        return usable, bool(usable) or not found

    def failed(failure: Any) -> tuple[list[Any], bool]:
        # Whatever kept it from answering, the domain itself is tried then (RFC 6120 §3.2.1).
        if not failure.check(DNSNameError):
            why = printable(failure.getErrorMessage()) or failure.type.__name__
            _log.debug("no {service} for {domain}: {why}", service=service, domain=domain, why=why)
        return [], True

    return asking.addCallbacks(answered, failed)


def _record(payload: Any, *, direct_tls: bool) -> _Record:
    host = payload.target.name.decode("ascii", "replace").rstrip(".")
    return _Record(payload.priority, payload.weight, Place(host, payload.port, direct_tls))


def _ordered(records: Sequence[_Record], draw: Callable[[], float]) -> list[Place]:
    """Order by priority, and by lot where that is the same, heavier ones rather first."""
    places: list[Place] = []
    by_priority = sorted(records, key=lambda record: (record.priority, record.weight))
    for _, group in groupby(by_priority, key=lambda record: record.priority):
        left = list(group)
        while left:
            places.append(left.pop(_drawn(left, draw)).place)
    return places


def _drawn(records: Sequence[_Record], draw: Callable[[], float]) -> int:
    """Draw one, by weight (RFC 2782); its index."""
    lot = int(draw() * (sum(record.weight for record in records) + 1))
    for index, record in enumerate(records):
        lot -= record.weight
        if lot <= 0:
            return index
    return len(records) - 1

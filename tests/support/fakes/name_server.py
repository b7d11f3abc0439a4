"""A DNS server on loopback that says what a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
)
from twisted.names import client, common, dns, error, server
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.support.fakes.loopback import serve_datagrams


class NameServer:
    """
    Serves records over UDP.

    :ivar asked: the names of all queries.
    :ivar resolver: an ``IResolver`` that asks this server.
    """

    def __init__(self, test: TestCase) -> None:
        """:param test: at whose end it is stopped."""
        self.asked: list[str] = []
        self.broken = False
        self._records: dict[tuple[str, int], list[Any]] = {}
        authority = _Authority(self)
        protocol = dns.DNSDatagramProtocol(server.DNSServerFactory(clients=[authority]))
        where = ("127.0.0.1", serve_datagrams(test, protocol))
        self.resolver = client.Resolver(servers=[where], reactor=reactor)

    def srv(self, name: str, *records: tuple[int, int, int, str]) -> None:
        """Have SRV records: priority, weight, port and target of each; ``.`` is the root."""
        self._records[name, dns.SRV] = [
            dns.Record_SRV(priority, weight, port, target.rstrip("."))
            for priority, weight, port, target in records
        ]

    def address(self, name: str, address: str) -> None:
        """Have an A record."""
        self._records[name, dns.A] = [dns.Record_A(address)]

    def use_for_hosts(self, test: TestCase) -> None:
        """Have the reactor ask this server for the addresses of hosts, until the test's end."""
        names = IReactorPluggableNameResolver(reactor)
        before = names.installNameResolver(_Hosts(self.resolver))
        test.addCleanup(names.installNameResolver, before)

    def answer(self, name: str, kind: int) -> Sequence[dns.RRHeader] | None:
        """The records of a name, ``None`` if there is no such name."""
        self.asked.append(name)
        found = self._records.get((name, kind))
        if found is None:
            return None
        return [dns.RRHeader(name, kind, dns.IN, 60, record, auth=True) for record in found]


class _Authority(common.ResolverBase):
    def __init__(self, names: NameServer) -> None:
        super().__init__()
        self._names = names

    def _lookup(self, name: bytes, _class: int, kind: int, _timeout: object) -> Deferred[Any]:
        answer = self._names.answer(name.decode(), kind)
        if self._names.broken:
            return fail(Failure(error.DNSServerError(b"broken")))
        if answer is None:
            return fail(Failure(error.DNSNameError(name)))
        return succeed((answer, [], []))


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Go on: nobody waits long."""


@implementer(IHostnameResolver)
class _Hosts:
    def __init__(self, resolver: client.Resolver) -> None:
        self._resolver = resolver

    def resolveHostName(
        self, receiver: Any, hostName: str, portNumber: int = 0, *_rest: object
    ) -> _Resolution:
        resolution = _Resolution(hostName)
        receiver.resolutionBegan(resolution)

        def answered(answers: Any) -> None:
            for header in answers[0][0]:
                address = IPv4Address("TCP", header.payload.dottedQuad(), portNumber)
                receiver.addressResolved(address)

        asking = gatherResults([self._resolver.lookupAddress(hostName)], consumeErrors=True)
        asking.addCallbacks(answered, lambda _: None)
        asking.addCallback(lambda _: receiver.resolutionComplete())
        return resolution

"""Ports in memory for an application of which a test looks at a few only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from bitween.app.ports import MessengerPort, Ports
from bitween.network.addresses import InterfaceAddresses
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.hasher import FakeHasher
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.swarm import FakeSwarm


def ports_around(
    messenger: MessengerPort,
    reactor: IReactorTime,
    cache: FakeCache | None = None,
    read_interfaces: Callable[[], Iterable[str]] = list,
) -> Ports:
    """
    Make the ports of which only the messenger does anything.

    :param read_interfaces: gives the machine's addresses.
    """
    return Ports(
        swarm=FakeSwarm(),
        hasher=FakeHasher(),
        messenger=messenger,
        own_addresses=InterfaceAddresses(reactor, read_interfaces=read_interfaces),
        memory=FakeMemory(),
        cache=cache or FakeCache(),
        connect=FakeConnectorPorts().ports,
    )

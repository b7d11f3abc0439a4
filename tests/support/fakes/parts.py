"""A daemon's parts around a messenger, where nothing but what that brings is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from bitween.app.application import Parts
from bitween.app.jobs import Jobs
from bitween.app.ports import MessengerPort
from bitween.network.addresses import InterfaceAddresses
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.idle import Idle
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.swarm import FakeSwarm


def parts_around(
    messenger: MessengerPort,
    reactor: IReactorTime,
    cache: FakeCache | None = None,
    read_interfaces: Callable[[], Iterable[str]] = list,
) -> Parts:
    """
    Make parts of which only the messenger does anything.

    :param read_interfaces: gives the machine's addresses.
    """
    return Parts(
        swarm=FakeSwarm(),
        hasher=Idle(),
        intentions=Idle(),
        messenger=messenger,
        own_addresses=InterfaceAddresses(reactor, read_interfaces=read_interfaces),
        jobs=Jobs(reactor),
        memory=FakeMemory(),
        cache=cache or FakeCache(),
        means=FakeConnectorPorts().ports,
        reactor=reactor,
    )

"""People's hosts as they stand in the world: in homes behind routers, or in public."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from tests.support.harness import befriend, together
from tests.support.lab.daemon import LabDaemon
from tests.support.lab.network import Lab, Nat, Node
from tests.support.lab.services import SERVER_NAME, STUN_NAME, LabProsody, port_mapper, stun_server

#: Every host that there can be, and what it is like.
HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "public": "public, both families",
        "public4": "public, IPv4 only",
        "public6": "public, IPv6 only",
        "walled1": "IPv6 behind a firewall",
        "walled2": "another IPv6 behind a firewall",
        "cone1": "port-restricted NAT",
        "beside": "the same home",
        "cone2": "another port-restricted NAT",
        "full": "full cone NAT",
        "sym1": "symmetric NAT",
        "sym2": "another symmetric NAT",
        "double": "two port-restricted NATs",
        "mapped": "NAT with UPnP",
    }
)


# Name, whether it has IPv4, IPv6, and a firewall.
_IN_PUBLIC = (
    ("public", True, True, False),
    ("public4", True, False, False),
    ("public6", False, True, False),
    ("walled1", False, True, True),
    ("walled2", False, True, True),
)


@dataclass(frozen=True, slots=True)
class _Home:
    """
    A home.

    :param hosts: the names of those in it.
    :param carrier: whether the provider has a NAT, too.
    :param maps: whether its router maps ports for those who ask.
    """

    nat: Nat
    hosts: Sequence[str]
    carrier: bool = False
    maps: bool = False


_HOMES = (
    _Home(Nat.PORT_RESTRICTED, ("cone1", "beside")),
    _Home(Nat.PORT_RESTRICTED, ("cone2",)),
    _Home(Nat.FULL_CONE, ("full",)),
    _Home(Nat.SYMMETRIC, ("sym1",)),
    _Home(Nat.SYMMETRIC, ("sym2",)),
    _Home(Nat.PORT_RESTRICTED, ("double",), carrier=True),
    _Home(Nat.PORT_RESTRICTED, ("mapped",), maps=True),
)


class Neighbourhood:
    """
    The networks, the server, and a daemon on each host.  A context manager.

    :ivar nodes: the hosts by name.
    :ivar server: where the XMPP server and the STUN server are.
    :ivar daemons: by the name of their host; not started yet.
    """

    def __init__(self, lab: Lab, names: Collection[str], pool: Any, directory: str) -> None:
        """
        :param lab: not entered yet.
        :param names: of the hosts that are wanted, as in :data:`HOSTS`.
        :param directory: for all that is written; others than root can get at it.
        """
        self._lab = lab
        self._names = names
        self._pool = pool
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self.nodes: dict[str, Node] = {}
        self.daemons: dict[str, LabDaemon] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lab)
            self.server = self._lab.public("server")
            for name, ipv4, ipv6, walled in _IN_PUBLIC:
                if name in self._names:
                    self.nodes[name] = self._lab.public(name, ipv4=ipv4, ipv6=ipv6, walled=walled)
            mapping = list(self._build_homes())
            own = [self.server.ipv4, self.server.ipv6]
            seeing = [*own, self._lab.another_address(self.server)]
            self._lab.name_hosts({SERVER_NAME: own, STUN_NAME: seeing})
            stack.enter_context(stun_server(self.server, seeing, self._directory))
            for router in mapping:
                stack.enter_context(port_mapper(router, self._directory))
            prosody = self._start_prosody(stack)
            self.daemons = {name: self._daemon(name, prosody) for name in self.nodes}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def segment(self) -> Node:
        """The public network, on which everything between homes can be seen."""
        return self._lab.segment

    async def begin(self) -> None:
        """Start the daemons, all of them contacts of each other."""
        daemons = list(self.daemons.values())
        await together([daemon.start() for daemon in daemons])
        await together([daemon.online() for daemon in daemons])
        for position, daemon in enumerate(daemons):
            await together([befriend(daemon, other) for other in daemons[position + 1 :]])

    async def end(self) -> None:
        """Stop the daemons."""
        await together([daemon.stop() for daemon in self.daemons.values()])

    def _build_homes(self) -> Iterator[Node]:
        """Build the homes that are needed; returns the routers that map ports."""
        for number, home in enumerate(_HOMES):
            inside = [name for name in home.hosts if name in self._names]
            if inside:
                router, *hosts = self._lab.home(
                    f"home{number}", home.nat, *inside, carrier=home.carrier
                )
                self.nodes.update(zip(inside, hosts, strict=True))
                if home.maps:
                    yield router

    def _start_prosody(self, stack: contextlib.ExitStack) -> LabProsody:
        with self.server.entered():
            prosody = LabProsody()
            stack.callback(prosody.close)
            for name in self.nodes:
                prosody.add_account(name, "secret")
            prosody.start()
        return prosody

    def _daemon(self, name: str, prosody: LabProsody) -> LabDaemon:
        directory = os.path.join(self._directory, "daemons", name)
        return LabDaemon(self.nodes[name], prosody, self.server, self._pool, directory)

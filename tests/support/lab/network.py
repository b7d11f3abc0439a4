"""
Network namespaces: a public segment, hosts on it, and homes behind routers.

The addresses look public to any check of an address, and lead nowhere: the namespaces
are joined to each other alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

_CLONE_NEWNET = 0x40000000  # linux/sched.h

PUBLIC_IPV4 = "20.0.0.{}"
#: Everybody has a network of their own.
PUBLIC_IPV6 = "2a0e:b107:0:{}::1"
#: All homes have the same one, as most routers come with it.
HOME_IPV4 = "192.168.1.{}"
#: What a provider gives whom it gives no address (RFC 6598).
CARRIER_IPV4 = "100.64.0.{}"

_PROGRAMS = ("ip", "nft", "turnserver", "miniupnpd")


# What IPv6 needs to find its neighbours is no connection.
_WALL = """
table inet wall {
  chain input {
    type filter hook input priority filter;
    iifname "eth0" meta l4proto { tcp, udp } ct state new drop
  }
}
"""


class NoLab(Exception):
    """Such networks are not to be had, by this user or on this machine."""


class Nat(StrEnum):
    """What a router does to IPv4 (RFC 4787), beside dropping what nobody asked for."""

    PORT_RESTRICTED = "port-restricted"  # keeps ports; lets in only places that were sent to
    FULL_CONE = "full cone"  # keeps ports; what anybody sends to one over UDP comes through
    SYMMETRIC = "symmetric"  # another port for everybody one speaks to


_MASQUERADE = {
    Nat.PORT_RESTRICTED: "masquerade",
    Nat.FULL_CONE: "masquerade",
    Nat.SYMMETRIC: "masquerade fully-random",
}

# Dropped, not refused: a router that says no would end what is being punched.
_RULES = """
table ip nat {{
  chain out {{
    type nat hook postrouting priority srcnat;
    oifname "wan" {masquerade}
  }}
  chain in {{
    type nat hook prerouting priority dstnat;
    {forward}
  }}
}}
table inet guard {{
  chain input {{
    type filter hook input priority filter;
    iifname "wan" ct state new drop
  }}
  chain forward {{
    type filter hook forward priority filter;
    iifname "wan" ct state new ct status dnat accept
    iifname "wan" ct state new drop
  }}
}}
"""


@dataclass
class Node:
    """
    One namespace.

    :ivar name: what it is called here.
    :ivar namespace: what the system calls it.
    :ivar ipv4: its address; empty if it has none.
    :ivar ipv6: the same.
    """

    name: str
    namespace: str
    ipv4: str = ""
    ipv6: str = ""
    links: list[str] = field(default_factory=list)

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a program in it to its end; what it prints."""
        return _run("ip", "netns", "exec", self.namespace, *command, text=text)

    def within(self, command: Sequence[str]) -> list[str]:
        """The command that runs one in it."""
        return [shutil.which("ip") or "ip", "netns", "exec", self.namespace, *command]

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: what this thread starts, and the sockets it makes, belong there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as ours, open(f"/run/netns/{self.namespace}") as theirs:
            _enter(libc, theirs.fileno())
            try:
                yield
            finally:
                _enter(libc, ours.fileno())


class Lab:
    """All of it.  A context manager; what it made is gone at the end."""

    def __init__(self) -> None:
        """:raises NoLab: if that cannot be had."""
        if os.geteuid() != 0:
            raise NoLab("network namespaces need root")
        missing = [name for name in _PROGRAMS if shutil.which(name) is None]
        if missing:
            raise NoLab(f"there is no {', '.join(missing)}: see tools/get-test-programs")
        self._nodes: list[Node] = []
        self._hosts: dict[str, str] = {}
        self._public = 10
        self._segment: Node | None = None

    def __enter__(self) -> Self:
        try:
            self._segment = self._switch("segment")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise NoLab(f"no network namespace can be made: {error.stderr}") from None
        return self

    def __exit__(self, *_: object) -> None:
        for node in self._nodes:
            shutil.rmtree(f"/etc/netns/{node.namespace}", ignore_errors=True)
            subprocess.run(["ip", "netns", "delete", node.namespace], check=False)
        self._nodes.clear()

    @property
    def segment(self) -> Node:
        """The switch to which public hosts and routers are joined."""
        assert self._segment is not None
        return self._segment

    def public(
        self, name: str, *, ipv4: bool = True, ipv6: bool = True, walled: bool = False
    ) -> Node:
        """
        A host on the public segment.

        :param walled: whether a firewall drops whatever it did not ask for.
        """
        node = self._node(name)
        assert self._segment is not None
        self._join(node, "eth0", self._segment)
        self._public += 1
        if ipv4:
            node.ipv4 = PUBLIC_IPV4.format(self._public)
            _configure(node, "eth0", f"{node.ipv4}/16")
        if ipv6:
            node.ipv6 = PUBLIC_IPV6.format(self._public)
            _configure(node, "eth0", f"{node.ipv6}/32", "nodad")
        if walled:
            node.run("nft", "-f", "-", text=_WALL)
        return node

    def another_address(self, node: Node) -> str:
        """Give a host on the public segment a second IPv4 address."""
        self._public += 1
        address = PUBLIC_IPV4.format(self._public)
        _configure(node, "eth0", f"{address}/16")
        return address

    def home(self, name: str, nat: Nat, *inside: str, carrier: bool = False) -> list[Node]:
        """
        A home with hosts behind a router.

        :param inside: the names of the hosts.
        :param carrier: whether the provider has a router of this kind, too.
        :returns: the router, then the hosts.
        """
        assert self._segment is not None
        outside = self._segment
        if carrier:
            outside = self._switch(f"{name}-carrier")
            self._router(f"{name}-provider", self._segment, outside, CARRIER_IPV4, nat)
        router = self._node(f"{name}-router")
        lan = self._switch(f"{name}-lan")
        if carrier:
            self._connect_router(router, outside, lan, CARRIER_IPV4.format(2), HOME_IPV4)
            router.run("ip", "route", "add", "default", "via", CARRIER_IPV4.format(1))
        else:
            self._public += 1
            address = PUBLIC_IPV4.format(self._public)
            self._connect_router(router, outside, lan, address, HOME_IPV4)
        hosts = [self._inside(host, lan, 10 + n) for n, host in enumerate(inside)]
        _translate(router, nat, hosts[0].ipv4)
        return [router, *hosts]

    def name_hosts(self, names: dict[str, Sequence[str]]) -> None:
        """Have every namespace resolve names to addresses."""
        lines = [f"{address} {name}" for name, all_ in names.items() for address in all_]
        for node in self._nodes:
            folder = f"/etc/netns/{node.namespace}"
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/hosts", "w", encoding="ascii") as file:
                file.write("\n".join(["127.0.0.1 localhost", *lines, ""]))

    def _router(self, name: str, outside: Node, lan: Node, addresses: str, nat: Nat) -> Node:
        router = self._node(name)
        self._public += 1
        self._connect_router(router, outside, lan, PUBLIC_IPV4.format(self._public), addresses)
        _translate(router, nat, addresses.format(2))
        return router

    def _connect_router(
        self, router: Node, outside: Node, lan: Node, address: str, inside: str
    ) -> None:
        self._join(router, "wan", outside)
        self._join(router, "lan", lan)
        router.ipv4 = address
        _configure(router, "wan", f"{address}/16")
        _configure(router, "lan", f"{inside.format(1)}/24")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _inside(self, name: str, lan: Node, number: int) -> Node:
        host = self._node(name)
        self._join(host, "eth0", lan)
        host.ipv4 = HOME_IPV4.format(number)
        _configure(host, "eth0", f"{host.ipv4}/24")
        host.run("ip", "route", "add", "default", "via", HOME_IPV4.format(1))
        return host

    def _switch(self, name: str) -> Node:
        node = self._node(name)
        # Snooping would keep what IPv6 needs to find its neighbours, as nobody asks who listens.
        node.run(*["ip", "link", "add", "switch", "type", "bridge", "mcast_snooping", "0"])
        node.run("ip", "link", "set", "switch", "up")
        return node

    def _join(self, node: Node, interface: str, switch: Node) -> None:
        """Put a wire between a node and a switch."""
        near = f"w{len(switch.links)}"
        switch.links.append(near)
        _run(
            *("ip", "link", "add", near, "netns", switch.namespace, "type", "veth"),
            *("peer", "name", interface, "netns", node.namespace),
        )
        switch.run("ip", "link", "set", near, "master", "switch", "up")
        node.run("ip", "link", "set", interface, "up")

    def _node(self, name: str) -> Node:
        node = Node(name, f"bwlab{os.getpid()}-{name}")
        _run("ip", "netns", "add", node.namespace)
        self._nodes.append(node)
        node.run("ip", "link", "set", "lo", "up")
        return node


def _translate(router: Node, nat: Nat, host: str) -> None:
    """Have a router translate addresses, for the first of its hosts in particular."""
    # The kernel knows no full cone: what comes to any port is handed to the one host instead.
    forward = f'iifname "wan" meta l4proto udp dnat to {host}' if nat is Nat.FULL_CONE else ""
    rules = _RULES.format(masquerade=_MASQUERADE[nat], forward=forward)
    router.run("nft", "-f", "-", text=rules)


def _configure(node: Node, interface: str, address: str, *flags: str) -> None:
    node.run("ip", "address", "add", address, "dev", interface, *flags)


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


def _run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout

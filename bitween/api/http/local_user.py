"""Which user of this machine a connection comes from, as the kernel tells."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from twisted.web.server import Request

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ROOT = 0
# A connection that no program holds any more: the kernel shows root as its user, whoever made it.
_NOBODY = -1
_ORPHAN = "0"
#: An address in a form in which an IPv4 one is the same whichever socket it came to, and a port.
_End = tuple[str, int]


def may_be_ours(request: Request) -> bool:
    """
    Whether a request may come from our own user.

    Only another user of this machine is told apart from us: one far away, or a system that does not
    say whose a socket is, leaves it open.
    """
    client, here = request.getClientAddress(), request.getHost()
    host, port = getattr(client, "host", None), getattr(client, "port", None)
    if host is None or port is None:  # a Unix socket, to which only we are let
        return True
    owner = owner_of((host, port), (here.host, here.port))
    return owner in {None, os.geteuid(), _ROOT}


def owner_of(client: _End, server: _End) -> int | None:
    """
    The user whose socket is at the client's end of a TCP connection of this machine.

    :returns: ``None`` if that end is not on this machine, or the kernel does not tell; -1 if no
        program holds it any more.
    """
    wanted = _plain(client), _plain(server)
    for table in _TABLES:
        for ends, user in _entries(table):
            if ends == wanted:
                return user
    return None


def _entries(table: str) -> Iterator[tuple[tuple[_End, _End], int]]:
    """Both ends and the owner of each TCP socket (Linux, proc_net_tcp)."""
    try:
        with open(table, encoding="ascii") as file:
            next(file)  # the heading
            for line in file:
                _, local, remote, _, _, _, _, user, _, inode, *_ = line.split()
                yield (_end(local), _end(remote)), _NOBODY if inode == _ORPHAN else int(user)
    except (OSError, StopIteration):
        return


def _end(text: str) -> _End:
    """Both as in ``0100007F:1388``: each 32 bits of the address in the machine's own order."""
    address, _, port = text.partition(":")
    words = [address[start : start + 8] for start in range(0, len(address), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return _plain((socket.inet_ntop(family, packed), int(port, 16)))


def _plain(end: _End) -> _End:
    host, port = end
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address), port

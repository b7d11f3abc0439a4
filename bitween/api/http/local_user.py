"""Finds the user of this machine who opened a connection, by the kernel's tables."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from twisted.web.server import Request

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ROOT = 0
# A connection that no program holds any longer: the kernel shows root as the user of all of these.
_NOBODY = -1
_ORPHAN = "0"
#: An address, with IPv4 addresses never mapped to IPv6, and a port.
_End = tuple[str, int]


def may_be_ours(request: Request) -> bool:
    """
    Whether a request may come from our own user.

    False only for another user of this machine.  For a remote client, or on a system that does not
    tell the owner of a socket, the answer is true.
    """
    client, here = request.getClientAddress(), request.getHost()
    host, port = getattr(client, "host", None), getattr(client, "port", None)
    if host is None or port is None:  # a Unix socket, which only our own user can open
        return True
    owner = owner_of((host, port), (here.host, here.port))
    return owner in {None, os.geteuid(), _ROOT}


def owner_of(client: _End, server: _End) -> int | None:
    """
    The user who owns the client's socket of a TCP connection.

    :param client: the address and port of the client.
    :param server: the address and port that the client is connected to.
    :returns: the user's id; ``None`` if the socket is not on this machine, or the kernel does not
        tell; -1 if no program holds it any longer.
    """
    wanted = _plain(client), _plain(server)
    for table in _TABLES:
        for ends, user in _entries(table):
            if ends == wanted:
                return user
    return None


def _entries(table: str) -> Iterator[tuple[tuple[_End, _End], int]]:
    """The two ends and the owner of each TCP socket (Linux, proc_net_tcp)."""
    try:
        with open(table, encoding="ascii") as file:
            next(file)  # the heading
            for line in file:
                _, local, remote, _, _, _, _, user, _, inode, *_ = line.split()
                yield (_end(local), _end(remote)), _NOBODY if inode == _ORPHAN else int(user)
    except (OSError, StopIteration):
        return


def _end(text: str) -> _End:
    """Parse ``0100007F:1388``: an address in words of the machine's byte order, and a port."""
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

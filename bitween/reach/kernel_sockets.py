"""Whose a socket on this machine is, by the kernel's tables (proc(5), sock_diag(7))."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from twisted.internet.interfaces import IReactorTime

from bitween.model.address import PeerAddress
from bitween.reach.sock_diag import SocketTable

_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound
# include/net/tcp_states.h: established, or about to be where a server has been dialled.
_CONNECTED, _LISTENING = (0x01, 0x03), 0x0A

# A connection that no program holds any more: the kernel shows root as its user, whoever made it.
_NOBODY = -1
_ORPHAN = "0"

#: One row: local address, remote address, state, user id (:data:`_NOBODY` without a program).
Row = tuple[tuple[str, int], tuple[str, int], int, int]
#: Address and port of a connection's other end, and of our own.
Ends = tuple[tuple[str, int], tuple[str, int]]


def is_ours(local: tuple[str, int], remote: tuple[str, int]) -> bool:
    """
    Whether the other end of a TCP connection within this machine belongs to our own user.

    Where the kernel has no such table, nothing is ours.

    :param local: address and port of the other end.
    :param remote: our own address and port, to which it is connected.
    """
    return any(
        row[0] == local and row[1] == remote and row[3] == os.geteuid() for row in _rows("tcp")
    )


def ours_among(connections: Collection[Ends]) -> set[Ends]:
    """
    Those connections within this machine that stand, and whose other end is of our own user.

    One that a server of our own user has not taken yet counts as well.  Where the kernel does not
    tell, nothing is ours.
    """
    try:
        with SocketTable() as sockets:
            return {ends for ends in connections if _is_our_end(sockets, *ends)}
    except OSError:
        return set()


def _is_our_end(sockets: SocketTable, there: tuple[str, int], here: tuple[str, int]) -> bool:
    end = sockets.find(there, here)
    if end is None or end.state not in _CONNECTED:
        return False
    if not end.held:
        end = sockets.find(there)
    return end is not None and end.held and end.user == os.geteuid()


def _served_at(place: tuple[str, int]) -> Iterator[tuple[str, int]]:
    """Where a server listens that is reached at a place."""
    yield place
    yield "::" if ":" in place[0] else "0.0.0.0", place[1]  # noqa: S104  # compared, not bound


class OwnServers:
    """Finds ports of this machine at which a BitTorrent client of our own user listens."""

    #: Seconds for which one look at the tables holds.
    LASTS = 0.1

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._found: frozenset[tuple[str, int]] = frozenset()

    def serves(self, address: PeerAddress) -> bool:
        """
        Whether a socket of our own user listens at an address of this machine, on TCP and UDP.

        BitTorrent does both on one port, which tells it from most other servers.
        """
        now = self._clock.seconds()
        if self._looked is None or now - self._looked > self.LASTS:
            self._looked, self._found = now, _own_servers()
        return any(place in self._found for place in _served_at((address.address, address.port)))


def _own_servers() -> frozenset[tuple[str, int]]:
    user = os.geteuid()
    tcp = {row[0] for row in _rows("tcp") if row[2] == _LISTENING and row[3] == user}
    udp = {row[0] for row in _rows("udp") if row[3] == user}
    ports = {port for _, port in udp}
    return frozenset(
        (host, port)
        for host, port in tcp
        if (host, port) in udp or (host in _ANYWHERE and port in ports)
    )


def _rows(protocol: str) -> Iterator[Row]:
    for table in (protocol, f"{protocol}6"):
        with suppress(OSError), open(f"/proc/net/{table}", encoding="ascii") as file:
            next(file, None)
            for line in file:
                fields = line.split()
                user = _NOBODY if fields[9] == _ORPHAN else int(fields[7])
                yield _place(fields[1]), _place(fields[2]), int(fields[3], 16), user


def _place(text: str) -> tuple[str, int]:
    """Read an address as the kernel writes it: in words of the machine's own byte order."""
    address, port = text.split(":")
    words = struct.pack(f"={len(address) // 8}I", *_words(address))
    if len(words) == 4:
        return socket.inet_ntoa(words), int(port, 16)
    six = IPv6Address(words)
    return str(six.ipv4_mapped or ip_address(six)), int(port, 16)


def _words(address: str) -> Iterator[int]:
    for start in range(0, len(address), 8):
        yield int(address[start : start + 8], 16)

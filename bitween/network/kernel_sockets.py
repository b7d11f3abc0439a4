"""Tells which user owns a socket on this machine (proc(5), sock_diag(7))."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from twisted.internet.interfaces import IReactorTime

from bitween.model.address import PeerAddress
from bitween.network.sock_diag import SocketTable

_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound
# include/net/tcp_states.h: established, or about to be where a server has been dialled.
_CONNECTED, _LISTENING = (0x01, 0x03), 0x0A

# A connection that no program holds any more: the kernel shows root as its user,
# no matter which user made it.
_NOBODY = -1
_ORPHAN = "0"

#: One row: local address, remote address, state, user id (:data:`_NOBODY` without a program).
Row = tuple[tuple[str, int], tuple[str, int], int, int]
#: Address and port of a connection's other end, and of our own.
Ends = tuple[tuple[str, int], tuple[str, int]]


def is_ours(local: tuple[str, int], remote: tuple[str, int]) -> bool:
    """
    Whether the other end of a TCP connection within this machine belongs to our own user.

    The answer is no where the kernel has no such table.

    :param local: address and port of the other end.
    :param remote: our own address and port, to which it is connected.
    """
    try:
        with SocketTable() as sockets:
            end = sockets.find(local, remote)
    except OSError:
        # This kernel answers no questions, but may show its table, which takes longer to read.
        rows = (row for row in _rows("tcp", local[1]) if row[:2] == (local, remote))
        return any(row[3] == os.geteuid() for row in rows)
    # Without such a connection the kernel finds the socket that listens there.
    if end is None or end.state == _LISTENING:
        return False
    return end.held and end.user == os.geteuid()


def ours_among(connections: Collection[Ends]) -> set[Ends]:
    """
    The established connections within this machine whose other end belongs to our own user.

    One that a server of our own user has not accepted yet counts, too.  The answer is empty where
    the kernel does not tell.

    :param connections: address and port of the other end of each, then those of our end.
    """
    try:
        with SocketTable() as sockets:
            return {ends for ends in connections if _is_our_end(sockets, *ends)}
    except OSError:
        return set()


def _is_our_end(sockets: SocketTable, remote: tuple[str, int], local: tuple[str, int]) -> bool:
    end = sockets.find(remote, local)
    if end is None or end.state not in _CONNECTED:
        return False
    if not end.held:
        end = sockets.find(remote)
    return end is not None and end.held and end.user == os.geteuid()


class OwnServers:
    """Finds ports of this machine at which a BitTorrent client of our own user listens."""

    #: Seconds for which an answer is remembered.
    LASTS = 0.1

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._looked = 0.0
        self._found: dict[tuple[str, int], bool] = {}

    def serves(self, address: PeerAddress) -> bool:
        """
        Whether a socket of our own user listens at an address of this machine, on TCP and UDP.

        BitTorrent does both on one port, which tells it from most other servers.
        """
        now, place = self._clock.seconds(), (address.address, address.port)
        if now - self._looked > self.LASTS:
            self._looked = now
            self._found.clear()
        if place not in self._found:
            self._found[place] = _listens(place) and _receives(place)
        return self._found[place]


def _listens(place: tuple[str, int]) -> bool:
    """Whether a connection to a place reaches a server of our own user."""
    try:
        with SocketTable() as sockets:
            end = sockets.find(place)
    except OSError:
        # As above.
        listening = ((row[0], row[3]) for row in _rows("tcp", place[1]) if row[2] == _LISTENING)
        return _holds(listening, place)
    if end is None or end.state != _LISTENING:
        return False
    return end.held and end.user == os.geteuid()


def _receives(place: tuple[str, int]) -> bool:
    """Whether a UDP socket of our own user receives what is sent to a place."""
    return _holds(((row[0], row[3]) for row in _rows("udp", place[1])), place)


def _holds(sockets: Iterable[tuple[tuple[str, int], int]], place: tuple[str, int]) -> bool:
    """Whether one of these sockets (place, user) belongs to our user and serves a place."""
    host, port = place
    user = os.geteuid()
    return any(
        owner == user and at[1] == port and (at[0] == host or at[0] in _ANYWHERE)
        for at, owner in sockets
    )


def _rows(protocol: str, port: int) -> Iterator[Row]:
    """Read the rows of a local port from one of the kernel's tables."""
    for table in (protocol, f"{protocol}6"):
        with suppress(OSError), open(f"/proc/net/{table}", encoding="ascii") as file:
            next(file, None)
            for line in file:
                fields = line.split()
                if not fields[1].endswith(f":{port:04X}"):
                    continue
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

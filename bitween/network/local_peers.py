"""
Disconnects peers on this machine that belong to other users.

:mod:`bitween.network.loopback_gate` lets them connect but not speak.  This module asks the kernel
which user owns the other end of each new connection, and then admits the connection or closes it.

libtorrent tells of a connection that it accepts over TLS only after the handshake, of which nothing
passes before the connection is admitted.  So this module looks at the process's sockets itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from bitween.errors import BitweenError
from bitween.network.kernel_sockets import Ends, ours_among
from bitween.network.shared_port import own_sockets

#: Seconds between two reads of the kernel's tables: any user can cause one by connecting.
PAUSE = 0.1

_DESCRIPTORS = "/proc/self/fd"
_ESTABLISHED = 1  # include/net/tcp_states.h


class Gate(Protocol):
    """Blocks all users of this machine; see :mod:`bitween.network.loopback_gate`."""

    def admit(self, connection: socket.socket) -> None:
        """Let the other end of a connection speak."""


class LocalPeers(Service):
    """
    Admits the peers on this machine that belong to our own user, and disconnects all others.

    Outgoing connections are checked as well: another user may have taken the port since it was
    found to belong to our own user.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        gate: Gate,
        listening: Callable[[], Collection[tuple[str, int]]],
        is_here: Callable[[str], bool],
    ) -> None:
        """
        :param listening: address and port of each socket on which peers are accepted.
        :param is_here: whether an IP address is one of this machine.
        """
        self._clock = clock
        self._gate = gate
        self._listening = listening
        self._is_here = is_here
        self._new: set[tuple[str, int]] = set()
        self._looked: float | None = None
        self._looking: IDelayedCall | None = None
        self._warned = False
        self._watching: IDelayedCall | None = None
        self._known: frozenset[str] = frozenset()

    def startService(self) -> None:
        """Watch for connections that libtorrent accepts."""
        super().startService()
        # Where there is no such folder, the gate does not hold, and no local peer is dialled.
        if os.path.isdir(_DESCRIPTORS):
            self._watch()

    def stopService(self) -> None:
        """Stop checking."""
        super().stopService()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def connected(self, peer: tuple[str, int]) -> None:
        """
        Check a peer, soon, with which a connection was made.

        :param peer: its address and port.
        """
        if not (self.running and self._is_here(peer[0])):
            return
        self._new.add(peer)
        if self._looking is None:
            now = self._clock.seconds()
            wait = 0.0 if self._looked is None else max(0.0, self._looked + PAUSE - now)
            self._looking = self._clock.callLater(wait, self._look)

    def _watch(self) -> None:
        """Check the peers that have connected to us since the last time."""
        self._watching = self._clock.callLater(PAUSE, self._watch)
        ports = {port for _, port in self._listening()}
        sockets = dict(_socket_descriptors())
        for descriptor in [sockets[name] for name in sockets.keys() - self._known]:
            peer = _accepted_peer(descriptor, ports)
            if peer is not None:
                self.connected(peer)
        self._known = frozenset(sockets)

    def _look(self) -> None:
        self._looking = None
        self._looked = self._clock.seconds()
        new, self._new = self._new, set()
        with ExitStack() as opened:
            # The connections are held open here before and after the check, so their other ends
            # cannot have changed in between.
            held = dict(_connections_with(new, opened))
            ours = ours_among(held.values())
            for connection, ends in held.items():
                if ends in ours and _is_established(connection):
                    self._admit(connection, ends)
                else:
                    self._refuse(connection)

    def _admit(self, connection: socket.socket, ends: Ends) -> None:
        _, here = ends
        if here[1] in {port for _, port in self._listening()}:
            try:
                self._gate.admit(connection)
            except (OSError, BitweenError) as error:
                # The connection has ended, or the filter can no longer be set.
                self._log.debug("a peer on this machine is not let in: {why}", why=str(error))
                _disconnect(connection)

    def _refuse(self, connection: socket.socket) -> None:
        _disconnect(connection)
        if not self._warned:
            self._warned = True
            self._log.warn("another user of this machine connected to us over BitTorrent: refused")


def _socket_descriptors() -> Iterator[tuple[str, int]]:
    """The sockets of this process: a name that no other one has, and the descriptor of each."""
    for descriptor in os.listdir(_DESCRIPTORS):
        # It may just have been closed.
        with suppress(OSError):
            name = os.readlink(f"{_DESCRIPTORS}/{descriptor}")
            if name.startswith("socket:"):
                yield name, int(descriptor)


def _accepted_peer(descriptor: int, ports: Collection[int]) -> tuple[str, int] | None:
    """The peer of a connection to one of our ports; ``None`` for all other sockets."""
    try:
        number = os.dup(descriptor)
    except OSError:  # it was closed meanwhile
        return None
    with socket.socket(fileno=number) as held, suppress(OSError):
        if held.family in (socket.AF_INET, socket.AF_INET6) and held.getsockname()[1] in ports:
            address, port = held.getpeername()[:2]
            return address, port
    return None


def _disconnect(connection: socket.socket) -> None:
    # libtorrent, which owns the socket, sees the end of the stream.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _connections_with(
    peers: Collection[tuple[str, int]], opened: ExitStack
) -> list[tuple[socket.socket, Ends]]:
    """Find our connections with these peers, each with its two ends: the peer's and ours."""
    found = []
    for held in own_sockets():
        try:
            remote, local = held.getpeername()[:2], held.getsockname()[:2]
        except OSError:  # it is not connected
            remote = local = None
        if remote in peers and held.type == socket.SOCK_STREAM:
            opened.enter_context(held)
            found.append((held, (remote, local)))
        else:
            held.close()
    return found


def _is_established(connection: socket.socket) -> bool:
    state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] == _ESTABLISHED

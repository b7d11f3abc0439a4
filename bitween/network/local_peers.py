"""Finds out whose the peers are that are connected to us from this machine itself."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from bitween.errors import BitweenError
from bitween.network.kernel_sockets import Ends, ours_among
from bitween.network.shared_port import own_sockets

#: Seconds between two looks at the kernel's tables: any user may cause one by a connection.
PAUSE = 0.1

_ESTABLISHED = 1  # include/net/tcp_states.h


class Gate(Protocol):
    """Keeps everybody on this machine out; see :mod:`bitween.network.loopback_gate`."""

    def admit(self, connection: socket.socket) -> None:
        """Let somebody in after all."""


class LocalPeers(Service):
    """
    Admits the peers on this machine that are daemons of our own user, and parts from all others.

    Whoever was dialled is one that our own user served when it was decided to; another user may
    have that port by now.
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

    def stopService(self) -> None:
        """Look at nobody any more."""
        super().stopService()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def connected(self, peer: tuple[str, int]) -> None:
        """
        Look, soon, at a peer with which a connection was made.

        :param peer: its address and port.
        """
        if not (self.running and self._is_here(peer[0])):
            return
        self._new.add(peer)
        if self._looking is None:
            now = self._clock.seconds()
            wait = 0.0 if self._looked is None else max(0.0, self._looked + PAUSE - now)
            self._looking = self._clock.callLater(wait, self._look)

    def _look(self) -> None:
        self._looking = None
        self._looked = self._clock.seconds()
        new, self._new = self._new, set()
        with ExitStack() as opened:
            # They are held before the look, and are still connected after it: so nobody else can
            # have been at their other ends meanwhile.
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
                # It has ended by now, or others cannot be kept out any more.
                self._log.debug("a peer on this machine is not let in: {why}", why=str(error))
                _part(connection)

    def _refuse(self, connection: socket.socket) -> None:
        _part(connection)
        if not self._warned:
            self._warned = True
            self._log.warn("another user of this machine connected to us over BitTorrent: refused")


def _part(connection: socket.socket) -> None:
    # libtorrent, whose it is, sees its end.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _connections_with(
    peers: Collection[tuple[str, int]], opened: ExitStack
) -> list[tuple[socket.socket, Ends]]:
    """Our connections with these, each with its two ends: theirs and ours."""
    found = []
    for held in own_sockets():
        try:
            there, here = held.getpeername()[:2], held.getsockname()[:2]
        except OSError:  # it is not connected
            there = here = None
        if there in peers and held.type == socket.SOCK_STREAM:
            opened.enter_context(held)
            found.append((held, (there, here)))
        else:
            held.close()
    return found


def _is_established(connection: socket.socket) -> bool:
    state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] == _ESTABLISHED

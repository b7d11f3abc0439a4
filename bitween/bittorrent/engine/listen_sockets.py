"""Where peers can connect to us: the listen sockets, and the ports that routers forward."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

from twisted.logger import Logger

from bitween.bittorrent.engine.alerts import (
    Alert,
    ExternalAddress,
    Listening,
    PortMapped,
    PortNotMapped,
)
from bitween.bittorrent.engine.session import ListenError, Session
from bitween.errors import InvalidValue, StartupError
from bitween.model.address import PeerAddress
from bitween.storage.database import Database

# Below the ports that the kernel hands out for outgoing connections, one of which could otherwise
# hold our port at the next start.
_PORTS = range(10_000, 32_768)
_PORTS_TRIED = 20


class ListenSockets:
    """Opens the listen sockets, and keeps track of them."""

    _log = Logger()

    def __init__(self) -> None:
        self._listening: dict[tuple[str, int], None] = {}
        self._mapped_ports: dict[int, int] = {}
        self._external: dict[bool, str] = {}

    @property
    def listening(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each socket."""
        return tuple(self._listening)

    @property
    def mapped(self) -> tuple[PeerAddress, ...]:
        """The addresses at which a router forwards to us."""
        found: dict[PeerAddress, None] = {}
        for port in self._mapped_ports.values():
            # A router may be behind another one, or not know its own address.
            with suppress(InvalidValue):
                found[PeerAddress.parse(self._external.get(False), port)] = None
        return tuple(found)

    @property
    def external(self) -> tuple[str, ...]:
        """The IP addresses at which routers or peers see us, at most one a family."""
        return tuple(self._external.values())

    def open(self, session: Session, database: Database, address: str, port: int) -> None:
        """
        Listen; on the port of the last run if no port is given.

        :param database: remembers the port.
        :param address: an IP address; empty for all.
        :param port: 0 for one that is chosen once and kept in the database.
        :raises StartupError: if no socket can be opened.
        :raises StoreError: if the database cannot be used.
        """
        remembered = database.listen_port
        for candidate in [port] if port else _candidates(remembered):
            try:
                opened = session.listen(address, candidate)
            except ListenError as error:
                if port or not error.in_use:
                    raise _cannot_listen(error) from None
                if candidate == remembered:
                    self._log.warn(
                        "port {port}, where we listened before, is in use: choosing another",
                        port=candidate,
                    )
                continue
            self._listening = dict.fromkeys(opened)
            if not port:
                database.listen_port = candidate
            return
        raise StartupError("found no free port to listen on", "name one with --listen")

    def take(self, alert: Alert) -> bool:
        """
        Take an alert.

        :returns: whether our addresses have changed.
        """
        before = self.listening, self.mapped, self.external
        match alert:
            case Listening(address=address, port=port):
                self._listening[address, port] = None
            case PortMapped(mapping=mapping, port=port, tcp=True):
                self._mapped_ports[mapping] = port
            case PortNotMapped(mapping=mapping, error=error):
                self._log.debug("no port mapping: {error}", error=error)
                self._mapped_ports.pop(mapping, None)
            case ExternalAddress(address=address):
                self._external[":" in address] = address
        return (self.listening, self.mapped, self.external) != before


def _candidates(remembered: int | None) -> Iterator[int]:
    if remembered is not None:
        yield remembered
    yield from random.SystemRandom().sample(_PORTS, _PORTS_TRIED)


def _cannot_listen(error: ListenError) -> StartupError:
    return StartupError(
        f"cannot accept BitTorrent peers on {error.message}",
        "stop the other program, or choose another port with --listen"
        if error.in_use
        else "--listen takes [ADDRESS:]PORT, with an address of this machine",
    )

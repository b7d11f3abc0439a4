"""
Where peers can connect to us: the listen sockets, and the ports that routers forward.

There are two ports.  Peers of sealed torrents connect to the *sealed* one, over TLS.  The *plain*
one is only opened for peers that know no sealed torrents; each such torrent goes over it in the
clear.  An engine without sealed torrents has only the plain port, and that is then its main one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress

from twisted.logger import Logger

from bitween.bittorrent.engine.alerts import (
    Alert,
    ExternalAddress,
    Listening,
    PortMapped,
    PortNotMapped,
)
from bitween.bittorrent.engine.listen_interfaces import ListenError
from bitween.bittorrent.engine.session import Session
from bitween.errors import InvalidValue, StartupError
from bitween.model.address import PeerAddress
from bitween.model.swarm_options import SwarmOptions
from bitween.storage.database import Database

# Below the ports that the kernel hands out for outgoing connections, one of which could otherwise
# hold our port at the next start.
_PORTS = range(10_000, 32_768)
_PORTS_TRIED = 20


class ListenSockets:
    """Opens the listen sockets, and keeps track of them."""

    _log = Logger()

    def __init__(self) -> None:
        self._sealed = True
        self._plain_port: int | None = None
        self._sockets: dict[Listening, None] = {}
        # By the number of the mapping, and whether it is that of the plain port.
        self._mapped_ports: dict[tuple[int, bool], int] = {}
        self._external: dict[bool, str] = {}

    @property
    def listening(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each socket of the main port."""
        return self._at(sealed=self._sealed)

    @property
    def plain_listening(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each socket for plain torrents."""
        return self._at(sealed=False)

    @property
    def mapped(self) -> tuple[PeerAddress, ...]:
        """The addresses at which a router forwards to our main port."""
        return self._forwarded(plain=not self._sealed)

    @property
    def plain_mapped(self) -> tuple[PeerAddress, ...]:
        """The addresses at which a router forwards to our plain port."""
        return self._forwarded(plain=True)

    @property
    def external(self) -> tuple[str, ...]:
        """The IP addresses at which routers or peers see us, at most one a family."""
        return tuple(self._external.values())

    def open(self, session: Session, database: Database, options: SwarmOptions) -> None:
        """
        Listen; on the ports of the last run if no others are given.

        :param database: remembers the ports.
        :param options: where to listen.
        :raises StartupError: if a port cannot be opened.
        :raises StoreError: if the database cannot be used.
        """
        address, port = options.listen
        self._sealed, self._plain_port = options.sealed, None
        self._sockets.clear()
        main = self._open_main if options.sealed else self._open_plain
        remembered = database.listen_port
        chosen = self._choose(lambda port: main(session, address, port), port, remembered)
        if chosen != remembered and not port:
            database.listen_port = chosen
        if options.sealed and options.plain_port is not None:
            self._open_second(session, database, options.plain_port, (address, chosen))

    def _open_main(self, session: Session, address: str, port: int) -> None:
        self._sockets.update(dict.fromkeys(session.listen(address, port, None)))

    def _open_plain(self, session: Session, address: str, port: int) -> None:
        self._sockets.update(dict.fromkeys(session.listen(address, None, port)))

    def _open_second(
        self, session: Session, database: Database, port: int, main: tuple[str, int]
    ) -> None:
        """Open the plain port beside the sealed one, which stays open."""

        def listen(port: int) -> None:
            self._sockets.update(dict.fromkeys(session.listen(*main, port)))

        remembered = database.plain_port
        self._plain_port = self._choose(listen, port, remembered)
        if self._plain_port != remembered and not port:
            database.plain_port = self._plain_port

    def _choose(self, listen: Callable[[int], None], port: int, remembered: int | None) -> int:
        """
        Open a port: the given one, else the remembered one, else any.

        :param listen: opens a port; raises ``ListenError``.
        """
        for candidate in [port] if port else _candidates(remembered):
            try:
                listen(candidate)
            except ListenError as error:
                if port or not error.in_use:
                    raise _cannot_listen(error) from None
                if candidate == remembered:
                    self._log.warn(
                        "port {port}, where we listened before, is in use: choosing another",
                        port=candidate,
                    )
                continue
            return candidate
        raise StartupError("found no free port to listen on", "name one with --listen")

    def take(self, alert: Alert) -> bool:
        """
        Take an alert.

        :returns: whether our addresses have changed.
        """
        before = self._state()
        match alert:
            case Listening():
                self._sockets[alert] = None
            case PortMapped(mapping=mapping, port=port, tcp=True):
                self._mapped_ports[mapping, self._is_plain(port)] = port
            case PortNotMapped(mapping=mapping, error=error):
                self._log.debug("no port mapping: {error}", error=error)
                if self._plain_port is None:
                    self._mapped_ports.pop((mapping, self._is_plain(0)), None)
            case ExternalAddress(address=address):
                self._external[":" in address] = address
        return self._state() != before

    def _is_plain(self, port: int) -> bool:
        """
        Whether a router that forwards a port means our plain one.

        libtorrent does not tell which of our ports a mapping is for, and asks for the same number.
        For the same reason a refusal tells nothing if we have two ports.
        """
        return not self._sealed or port == self._plain_port

    def _state(self) -> tuple[object, ...]:
        return tuple(self._sockets), self.mapped, self.plain_mapped, self.external

    def _at(self, *, sealed: bool) -> tuple[tuple[str, int], ...]:
        return tuple((s.address, s.port) for s in self._sockets if s.sealed is sealed)

    def _forwarded(self, *, plain: bool) -> tuple[PeerAddress, ...]:
        found: dict[PeerAddress, None] = {}
        for (_, for_plain), port in self._mapped_ports.items():
            # A router may be behind another one, or not know its own address.
            if for_plain is plain:
                with suppress(InvalidValue):
                    found[PeerAddress.parse(self._external.get(False), port)] = None
        return tuple(found)


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

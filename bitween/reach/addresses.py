"""Where we can be dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import netifaces
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, Kind
from bitween.observable import Observable

#: A new network or lease is noticed within this time, in seconds.
INTERVAL = 30.0

# Flags of /proc/net/if_inet6 (linux/if_addr.h): a temporary address is for outgoing connections,
# a deprecated or tentative one should not be used for new ones.
_UNFIT = 0x01 | 0x20 | 0x40


class InterfaceAddresses(Service):
    """
    Our addresses as the network interfaces, the port mapping and the settings give them.

    :ivar candidates: where we are, with what is known of it; best first.
    :ivar addresses: those that anybody may dial.
    :ivar changes: hands out the addresses whenever they, or what is known of them, have changed.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        announce: Sequence[tuple[str, int | None]] = (),
        read_interfaces: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """
        :param announce: further addresses; port ``None`` means the one that we listen on.
        :param read_interfaces: gives the machine's addresses, for tests.
        """
        self._announce = announce
        self._read_interfaces = read_interfaces or interface_addresses
        self._listening: Sequence[tuple[str, int]] = ()
        self._mapped: Sequence[PeerAddress] = ()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock
        self._reached: dict[PeerAddress, bool] = {}
        self.candidates: tuple[Candidate, ...] = ()
        self.addresses: tuple[PeerAddress, ...] = ()
        self.changes: Observable[tuple[PeerAddress, ...]] = Observable()

    def startService(self) -> None:
        """Begin to look at the interfaces every :data:`INTERVAL`."""
        super().startService()
        self._loop.start(INTERVAL, now=False).addErrback(
            lambda failure: self._log.failure("watching the interfaces", failure)
        )

    def stopService(self) -> None:
        """Stop looking."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def refresh(self, listening: Sequence[tuple[str, int]], mapped: Sequence[PeerAddress]) -> None:
        """Take over other listen sockets and mappings, and look at the interfaces now."""
        self._listening, self._mapped = listening, mapped
        self._look()

    def note_reached(self, reached: Mapping[PeerAddress, bool]) -> None:
        """Keep what came of dialling some of our addresses, for as long as they are ours."""
        self._reached.update(reached)
        self._look()

    def _look(self) -> None:
        try:
            kinds = dict(self._gather())
        except Exception:
            # A LoopingCall stops for good at its first exception.
            self._log.failure("reading the network interfaces")
            return
        self._reached = {a: reached for a, reached in self._reached.items() if a in kinds}
        found = tuple(
            Candidate(address, kinds[address], self._reached.get(address))
            for address in sorted(kinds, key=lambda a: (a.rank, a.address, a.port))
        )
        if found != self.candidates:
            self.candidates = found
            self.addresses = tuple(c.address for c in found if c.dialable)
            self.changes.notify(self.addresses)

    def _gather(self) -> Iterator[tuple[PeerAddress, Kind]]:
        """Our addresses and how we came by them; of one that comes twice, the last counts."""
        for announced, announced_port in self._announce:
            for port in {port for _, port in self._listening}:
                yield PeerAddress.parse(announced, announced_port or port), Kind.SAID
        for mapped in self._mapped:
            yield mapped, Kind.MAPPED
        own = list(self._own())
        # Loopback is named only where there is nothing else: a machine without a network.
        for address in [address for address in own if not address.is_loopback] or own:
            yield address, Kind.HOST

    def _own(self) -> Iterator[PeerAddress]:
        """What the listen sockets come to; one that is bound to everything, to every address."""
        fit = list(self._read_interfaces())
        for listening, port in self._listening:
            anywhere = listening in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
            for address in fit if anywhere else [listening]:
                parsed = _parsed(address, port)
                same_family = parsed is not None and parsed.is_ipv6 == (":" in listening)
                if parsed is not None and same_family and address in fit:
                    yield parsed


def _parsed(address: str, port: int) -> PeerAddress | None:
    """A peer address, ``None`` for one that means nothing on another machine."""
    try:
        parsed = PeerAddress.parse(address, port)
    except InvalidValue:
        return None
    return None if parsed.ip.is_link_local else parsed


def interface_addresses() -> list[str]:
    """The IP addresses of this machine that are fit to be dialled."""
    unfit = _unfit_ipv6()
    return [
        entry["addr"]
        for interface in netifaces.interfaces()
        for family in (netifaces.AF_INET, netifaces.AF_INET6)
        for entry in netifaces.ifaddresses(interface).get(family, ())
        if entry["addr"] not in unfit
    ]


def _unfit_ipv6(path: str = "/proc/net/if_inet6") -> frozenset[str]:
    """The IPv6 addresses that Linux says to leave alone; netifaces does not tell."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return frozenset()
    return frozenset(_ipv6_text(row[0]) for row in rows if int(row[4], 16) & _UNFIT)


def _ipv6_text(digits: str) -> str:
    groups = ":".join(digits[i : i + 4] for i in range(0, 32, 4))
    return str(PeerAddress(groups, 1).ip)

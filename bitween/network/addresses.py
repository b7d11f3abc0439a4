"""Where we can be dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, ip_interface

import netifaces
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.nat import Nat
from bitween.model.network_link import Interface, Link
from bitween.util.observable import Observable

#: A new network or lease is noticed within this time, in seconds.
INTERVAL = 30.0

# Flags of /proc/net/if_inet6 (linux/if_addr.h): a temporary address is for outgoing connections,
# a deprecated or tentative one should not be used for new ones.
_TEMPORARY = 0x01
_UNFIT = 0x20 | 0x40
# Bits of a network in which there is more than one machine (RFC 7421).
_IPV6_PREFIX = 64


class InterfaceAddresses(Service):
    """
    Our addresses as the network interfaces, the port mapping and the settings give them.

    Where we are seen from outside is told by others.

    :ivar nat: what routers make of us, as far as it is known.
    :ivar candidates: where we are, with what is known of it; best first.
    :ivar addresses: those that anybody may dial.
    :ivar links: the network interfaces of this machine, with all of their addresses.
    :ivar changes: hands out the addresses whenever they, or what is known of them, have changed.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        announce: Sequence[tuple[str, int | None]] = (),
        read_interfaces: Callable[[], Iterable[str]] | None = None,
        read_links: Callable[[], Iterable[Link]] | None = None,
    ) -> None:
        """
        :param announce: further addresses; port ``None`` means the one that we listen on.
        :param read_interfaces: gives the machine's addresses, for tests.
        :param read_links: gives the machine's interfaces, for tests.
        """
        self._announce = announce
        self._read_interfaces = read_interfaces or interface_addresses
        self._read_links = read_links or network_links
        self._listening: Sequence[tuple[str, int]] = ()
        self._mapped: Sequence[PeerAddress] = ()
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock
        self._reached: dict[PeerAddress, bool] = {}
        self._seen: tuple[PeerAddress, ...] = ()
        self._external: Sequence[str] = ()
        self.nat: Nat | None = None
        self.links: tuple[Link, ...] = ()
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

    @property
    def port(self) -> int | None:
        """The port on which we listen; ``None`` before we do."""
        return next((port for _, port in self._listening), None)

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
    ) -> None:
        """
        Take over other listen sockets and mappings, and look at the interfaces now.

        :param external: the IP addresses at which peers see us; they count where nobody else tells.
        """
        self._listening, self._mapped, self._external = listening, mapped, external
        self.look()

    def note_seen(self, seen: Sequence[PeerAddress], nat: Nat | None) -> None:
        """Take over where we are seen from outside, and what that tells of routers."""
        self._seen, self.nat = tuple(seen), nat
        self.look()

    def note_reached(self, reached: Mapping[PeerAddress, bool]) -> None:
        """Keep what came of dialling some of our addresses, for as long as they are ours."""
        self._reached.update(reached)
        self.look()

    def look(self) -> None:
        """Look at the interfaces now."""
        try:
            links = tuple(self._read_links())
            kinds = dict(self._gather())
        except Exception:
            # A LoopingCall stops for good at its first exception.
            self._log.failure("reading the network interfaces")
            return
        self._reached = {a: reached for a, reached in self._reached.items() if a in kinds}
        found = tuple(
            self._candidate(address, kinds[address])
            for address in sorted(
                kinds,
                key=lambda a: (kinds[a] is CandidateKind.REFLEXIVE, a.rank, a.address, a.port),
            )
        )
        if (found, links) != (self.candidates, self.links):
            self.candidates, self.links = found, links
            self.addresses = tuple(c.address for c in found if c.dialable)
            self.changes.notify(self.addresses)

    def _candidate(self, address: PeerAddress, kind: CandidateKind) -> Candidate:
        # What is known of the router, it is known of IPv4.
        varies = kind is CandidateKind.REFLEXIVE and not address.is_ipv6 and self._port_varies
        return Candidate(address, kind, self._reached.get(address), varies)

    @property
    def _port_varies(self) -> bool:
        return self.nat is not None and self.nat.endpoint_independent is False

    def _gather(self) -> Iterator[tuple[PeerAddress, CandidateKind]]:
        """Our addresses and how we came by them; of one that comes twice, the last counts."""
        for seen in self._from_outside():
            if not (seen.is_loopback or seen.ip.is_link_local):
                yield seen, CandidateKind.REFLEXIVE
        for announced, announced_port in self._announce:
            for port in {port for _, port in self._listening}:
                yield PeerAddress.parse(announced, announced_port or port), CandidateKind.CONFIGURED
        for mapped in self._mapped:
            yield self._as_servers_see(mapped), CandidateKind.MAPPED
        own = list(self._own())
        # Loopback is named only where there is nothing else: a machine without a network.
        for address in [address for address in own if not address.is_loopback] or own:
            yield address, CandidateKind.HOST

    def _from_outside(self) -> Iterator[PeerAddress]:
        yield from self._seen
        known = {address.is_ipv6 for address in self._seen}
        for external in self._external:
            # Most routers keep the port, for want of a better guess.
            seen = _parsed(external, self.port) if self.port else None
            if seen is not None and seen.is_ipv6 not in known:
                yield seen

    def _as_servers_see(self, mapped: PeerAddress) -> PeerAddress:
        # libtorrent takes where its peers see us (BEP 10, yourip) for the router's address, and one
        # peer alone could name somebody else, whom all our contacts would dial.
        family = [seen for seen in self._seen if seen.is_ipv6 == mapped.is_ipv6 and seen.is_global]
        return replace(mapped, address=family[0].address) if family and mapped.is_global else mapped

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


def interface_addresses(temporary: bool = False) -> list[str]:
    """
    The IP addresses of this machine that are fit to be dialled.

    :param temporary: whether to name, in a network where there are temporary IPv6 addresses, those
        and not the lasting ones, by which one can be known again (RFC 8981).
    """
    flags = _ipv6_flags()
    found = [
        entry["addr"]
        for interface in map(_addresses_of, netifaces.interfaces())
        for family in (netifaces.AF_INET, netifaces.AF_INET6)
        for entry in interface.get(family, ())
        if "addr" in entry
    ]
    fit = [address for address in found if not flags.get(address, 0) & _UNFIT]
    passing = {address for address in fit if flags.get(address, 0) & _TEMPORARY}
    if not temporary:
        return [address for address in fit if address not in passing]
    prefixes = {_prefix(address) for address in passing}
    return [a for a in fit if a in passing or a not in flags or _prefix(a) not in prefixes]


def network_links() -> list[Link]:
    """The network interfaces of this machine, with all of their addresses."""
    return [tuple(_interfaces_of(_addresses_of(name))) for name in netifaces.interfaces()]


def _addresses_of(name: str) -> Mapping[int, Sequence[Mapping[str, str]]]:
    """What an interface has by address family; nothing if it has gone meanwhile."""
    try:
        addresses: Mapping[int, Sequence[Mapping[str, str]]] = netifaces.ifaddresses(name)
    except ValueError:
        return {}
    return addresses


def _interfaces_of(addresses: Mapping[int, Sequence[Mapping[str, str]]]) -> Iterator[Interface]:
    for family in (netifaces.AF_INET, netifaces.AF_INET6):
        for entry in addresses.get(family, ()):
            # Some, such as those of tunnels, have no mask: they are in no network.
            if "addr" not in entry or "netmask" not in entry:
                continue
            address = entry["addr"].partition("%")[0]
            interface = ip_interface(f"{address}/{entry['netmask'].rpartition('/')[2]}")
            if isinstance(interface, IPv6Interface) and interface.network.prefixlen > _IPV6_PREFIX:
                # An address of its own from DHCPv6 (RFC 8415) tells nothing of the network.
                interface = ip_interface(f"{address}/{_IPV6_PREFIX}")
            yield interface


def _prefix(address: str) -> int:
    return int(IPv6Address(address)) >> 64


def _ipv6_flags(path: str = "/proc/net/if_inet6") -> dict[str, int]:
    """What Linux says of each IPv6 address; netifaces does not tell."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return {}
    return {str(IPv6Address(bytes.fromhex(row[0]))): int(row[4], 16) for row in rows}

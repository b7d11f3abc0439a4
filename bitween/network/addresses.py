"""Gathers the addresses at which this daemon can be dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, ip_interface

import netifaces
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.nat import Nat
from bitween.model.network_link import Interface, Link
from bitween.util.observable import Observable
from bitween.util.periodic import PeriodicService

#: Seconds between two reads of the interfaces.
INTERVAL = 30.0

# Flags of /proc/net/if_inet6 (linux/if_addr.h): a temporary address is for outgoing connections,
# a deprecated or tentative one should not be used for new ones.
_TEMPORARY = 0x01
_UNFIT = 0x20 | 0x40
# Bits of a network in which there is more than one machine (RFC 7421).
_IPV6_PREFIX = 64


class InterfaceAddresses(Service):
    """
    Our addresses, from the network interfaces, the port mappings and the settings.

    :class:`~bitween.network.reflexive.NatDiscovery` adds those at which others see us, and
    :class:`~bitween.connect.reachability.ReachabilityTest` records which of them answer.

    :ivar nat: how a NAT translates our addresses, as far as it is known.
    :ivar candidates: our candidates, best first.
    :ivar addresses: those of them that every contact may dial.
    :ivar plain_addresses: where peers may dial us that know no sealed transfers.
    :ivar links: the network interfaces of this machine, with all of their addresses.
    :ivar changes: notifies of ``addresses`` whenever a candidate has changed.
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
        :param announce: further IP addresses with their ports; ``None`` means the listen port.
        :param read_interfaces: gives the machine's IP addresses, for tests.
        :param read_links: gives the machine's interfaces, for tests.
        """
        self._announce = announce
        self._read_interfaces = read_interfaces or interface_addresses
        self._read_links = read_links or network_links
        self._listening: Sequence[tuple[str, int]] = ()
        self._plain_listening: Sequence[tuple[str, int]] = ()
        self._plain_mapped: Sequence[PeerAddress] = ()
        self._mapped: Sequence[PeerAddress] = ()
        self._timer = PeriodicService(clock, self.update, INTERVAL)
        self._reached: dict[PeerAddress, bool] = {}
        self._seen: tuple[PeerAddress, ...] = ()
        self._external: Sequence[str] = ()
        self.nat: Nat | None = None
        self.links: tuple[Link, ...] = ()
        self.candidates: tuple[Candidate, ...] = ()
        self.addresses: tuple[PeerAddress, ...] = ()
        self.plain_addresses: tuple[PeerAddress, ...] = ()
        self.changes: Observable[tuple[PeerAddress, ...]] = Observable()

    def startService(self) -> None:
        """Begin to read the interfaces every :data:`INTERVAL`."""
        super().startService()
        self._timer.startService()

    def stopService(self) -> None:
        """Stop reading."""
        super().stopService()
        self._timer.stopService()

    @property
    def port(self) -> int | None:
        """The port on which we listen; ``None`` before there is one."""
        return next((port for _, port in self._listening), None)

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
        *,
        plain_listening: Sequence[tuple[str, int]] = (),
        plain_mapped: Sequence[PeerAddress] = (),
    ) -> None:
        """
        Set the listen sockets and mappings, and read the interfaces now.

        :param listening: IP address, perhaps ``0.0.0.0`` or ``::``, and port of each socket.
        :param mapped: the addresses that routers forward to us.
        :param external: the IP addresses at which peers see us; used where no STUN server tells.
        :param plain_listening: the sockets for peers that know no sealed transfers; those of
            ``listening`` if there is one port for all.
        :param plain_mapped: the addresses that routers forward to these sockets.
        """
        self._listening, self._mapped, self._external = listening, mapped, external
        self._plain_listening, self._plain_mapped = plain_listening, plain_mapped
        self.update()

    def note_seen(self, seen: Sequence[PeerAddress], nat: Nat | None) -> None:
        """
        Set our reflexive addresses (RFC 8489), and what they tell about a NAT.

        :param seen: replace those of an earlier call.
        :param nat: ``None`` if it is unknown.
        """
        self._seen, self.nat = tuple(seen), nat
        self.update()

    def note_reached(self, reached: Mapping[PeerAddress, bool]) -> None:
        """
        Record which of our addresses others could dial, for as long as they are ours.

        :param reached: by address, whether a contact could dial it; what is known of all others
            stays.
        """
        self._reached.update(reached)
        self.update()

    def update(self) -> None:
        """Read the interfaces now."""
        try:
            links = tuple(self._read_links())
            kinds = dict(self._gather())
            plain = tuple(self._plain(kinds))
        except Exception:
            # The addresses of before stay in force.
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
        if (found, links, plain) != (self.candidates, self.links, self.plain_addresses):
            self.candidates, self.links, self.plain_addresses = found, links, plain
            self.addresses = tuple(c.address for c in found if c.dialable)
            self.changes.notify(self.addresses)

    def _candidate(self, address: PeerAddress, kind: CandidateKind) -> Candidate:
        # What is known about the NAT is known for IPv4 only.
        varies = kind is CandidateKind.REFLEXIVE and not address.is_ipv6 and self._port_varies
        return Candidate(address, kind, self._reached.get(address), varies)

    @property
    def _port_varies(self) -> bool:
        return self.nat is not None and self.nat.endpoint_independent is False

    def _gather(self) -> Iterator[tuple[PeerAddress, CandidateKind]]:
        """Our addresses with their kinds; of one that comes twice, the last counts."""
        for seen in self._from_outside():
            if not (seen.is_loopback or seen.ip.is_link_local):
                yield seen, CandidateKind.REFLEXIVE
        for announced, announced_port in self._announce:
            for port in {port for _, port in self._listening}:
                yield PeerAddress.parse(announced, announced_port or port), CandidateKind.CONFIGURED
        for mapped in self._mapped:
            yield self._as_servers_see(mapped), CandidateKind.MAPPED
        for address in self._own(self._listening):
            yield address, CandidateKind.HOST

    def _plain(self, kinds: Mapping[PeerAddress, CandidateKind]) -> list[PeerAddress]:
        """The addresses for peers that know no sealed transfers, best first."""
        if list(self._plain_listening) == list(self._listening):
            found = {a for a, kind in kinds.items() if kind is not CandidateKind.REFLEXIVE}
        else:
            found = {self._as_servers_see(mapped) for mapped in self._plain_mapped}
            found.update(self._own(self._plain_listening))
        return sorted(found, key=lambda address: (address.rank, address.address, address.port))

    def _from_outside(self) -> Iterator[PeerAddress]:
        yield from self._seen
        known = {address.is_ipv6 for address in self._seen}
        for external in self._external:
            # Most NATs keep the port; there is no better guess.
            seen = _parsed(external, self.port) if self.port else None
            if seen is not None and seen.is_ipv6 not in known:
                yield seen

    def _as_servers_see(self, mapped: PeerAddress) -> PeerAddress:
        # libtorrent takes the address at which peers see us (BEP 10, yourip) for the router's.  One
        # peer could name another host that way, which all our contacts would dial.
        family = [seen for seen in self._seen if seen.is_ipv6 == mapped.is_ipv6 and seen.is_global]
        return replace(mapped, address=family[0].address) if family and mapped.is_global else mapped

    def _own(self, listening: Sequence[tuple[str, int]]) -> list[PeerAddress]:
        """The addresses of listen sockets; one that is bound to all has every address."""
        fit = list(self._read_interfaces()) if listening else []
        own: list[PeerAddress] = []
        for bound, port in listening:
            anywhere = bound in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
            for address in fit if anywhere else [bound]:
                parsed = _parsed(address, port)
                same_family = parsed is not None and parsed.is_ipv6 == (":" in bound)
                if parsed is not None and same_family and address in fit:
                    own.append(parsed)
        # Loopback is announced only by a machine without a network.
        return [address for address in own if not address.is_loopback] or own


def _parsed(address: str, port: int) -> PeerAddress | None:
    """Parse an address; ``None`` for one that means nothing on another machine."""
    try:
        parsed = PeerAddress.parse(address, port)
    except InvalidValue:
        return None
    return None if parsed.ip.is_link_local else parsed


def interface_addresses(temporary: bool = False) -> list[str]:
    """
    The IP addresses of this machine that are fit to be dialled.

    :param temporary: whether to use temporary IPv6 addresses, in networks that have them, instead
        of stable ones, by which this machine could be recognised (RFC 8981).
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
    """The addresses of an interface by family; none if the interface has just gone."""
    try:
        addresses: Mapping[int, Sequence[Mapping[str, str]]] = netifaces.ifaddresses(name)
    except ValueError:
        return {}
    return addresses


def _interfaces_of(addresses: Mapping[int, Sequence[Mapping[str, str]]]) -> Iterator[Interface]:
    for family in (netifaces.AF_INET, netifaces.AF_INET6):
        for entry in addresses.get(family, ()):
            # Some, such as those of tunnels, have no mask and so are in no network.
            if "addr" not in entry or "netmask" not in entry:
                continue
            address = entry["addr"].partition("%")[0]
            interface = ip_interface(f"{address}/{entry['netmask'].rpartition('/')[2]}")
            if isinstance(interface, IPv6Interface) and interface.network.prefixlen > _IPV6_PREFIX:
                # An address from DHCPv6 (RFC 8415) does not tell the network's size.
                interface = ip_interface(f"{address}/{_IPV6_PREFIX}")
            yield interface


def _prefix(address: str) -> int:
    return int(IPv6Address(address)) >> 64


def _ipv6_flags(path: str = "/proc/net/if_inet6") -> dict[str, int]:
    """Read Linux's flags of each IPv6 address, which netifaces does not give."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return {}
    return {str(IPv6Address(bytes.fromhex(row[0]))): int(row[4], 16) for row in rows}

"""
What two lists of candidates tell before any address is dialled: order, route kinds, obstacles.

"Ours" are the candidates of this daemon, "theirs" those of the device that it connects to
(RFC 8445 calls them local and remote).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_network

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import Obstacle, RouteKind

# The network that a home's router usually makes; a larger one would include other networks.
_NETWORK_BITS = {4: 24, 6: 64}

#: The reason while hole punching was not tried.
UNANSWERED = Obstacle.of("obstacle.unanswered")


def dial_order(theirs: Iterable[Candidate], ours: Iterable[Candidate]) -> list[PeerAddress]:
    """
    The addresses to dial, most promising first.

    Those in our own networks come first, then IPv6, public IPv4, and private addresses of other
    networks; addresses that others could not reach come last.

    :param theirs: reflexive ones, which are not dialled, are left out.
    :param ours: tell which networks we are in.
    """
    networks = _networks(ours)

    def place(candidate: Candidate) -> tuple[bool, int, bool, str, int]:
        address = candidate.address
        return (
            candidate.reached is False,
            _promise(address, _network(address) in networks),
            candidate.reached is None,
            address.address,
            address.port,
        )

    dialable = sorted((candidate for candidate in theirs if candidate.dialable), key=place)
    return list(dict.fromkeys(candidate.address for candidate in dialable))


def confirmed_address(theirs: Iterable[Candidate], ours: Iterable[Candidate]) -> PeerAddress | None:
    """
    The address to dial before any probe has ended; ``None`` if there is none.

    It is in one of our networks, or a contact has reached it.  Others are not dialled on suspicion:
    while libtorrent dials an address in vain, it drops incoming connections from there.

    :param theirs: see :func:`dial_order`.
    :param ours: see :func:`dial_order`.
    """
    theirs, ours = list(theirs), list(ours)
    first = next(iter(dial_order(theirs, ours)), None)
    networks = _networks(ours)
    reached = {candidate.address for candidate in theirs if candidate.reached}
    near = first is not None and (first.is_loopback or _network(first) in networks)
    return first if near or first in reached else None


def route_kind_at(address: PeerAddress, theirs: Iterable[Candidate] = ()) -> RouteKind:
    """
    The kind of a direct route to an address.

    :param theirs: the candidates of the device, which tell mapped addresses from others.
    """
    if address.rank <= 1:
        return RouteKind.LAN
    kinds = {candidate.kind for candidate in theirs if candidate.address == address}
    if CandidateKind.MAPPED in kinds and CandidateKind.HOST not in kinds:
        return RouteKind.MAPPED
    return RouteKind.IPV6 if address.is_ipv6 else RouteKind.IPV4


def direct_obstacle(ours: Collection[Candidate], theirs: Collection[Candidate]) -> Obstacle | None:
    """
    Why neither side can dial the other; ``None`` if one of them may be able to.

    :param ours: all that we announce, reflexive ones included.
    :param theirs: those that may be dialled, reflexive ones included.
    """
    if not theirs:
        return Obstacle.of("obstacle.none_theirs")
    if not ours:
        return Obstacle.of("obstacle.none_ours")
    our_families, their_families = _families(ours), _families(theirs)
    if our_families & their_families:
        return None
    theirs_are, ours_are = _family_text(their_families), _family_text(our_families)
    return Obstacle.of("obstacle.families", theirs=theirs_are, ours=ours_are)


def punch_obstacle(ours: Collection[Candidate], theirs: Collection[Candidate]) -> Obstacle | None:
    """
    Why hole punching can hardly work, where no address is likely to answer either.

    A symmetric NAT, which uses another port for each destination, can be passed only if the other
    side's NAT accepts packets from any address; few do.

    :param ours: all that we announce, reflexive ones included.
    :param theirs: those that may be dialled, reflexive ones included.
    :returns: ``None`` if a hole may be punched, or an address may answer.
    """
    our_nat, their_nat = _is_symmetric(ours), _is_symmetric(theirs)
    if not (our_nat or their_nat) or _may_answer(theirs, ours) or _may_answer(ours, theirs):
        return None
    return _SYMMETRIC[our_nat, their_nat]


#: The reason after both sides dialled at the same time in vain.
_NO_HOLE = Obstacle.of("obstacle.no_hole")
#: By whether our NAT, and theirs, is symmetric (RFC 4787 §4.1).
_SYMMETRIC = {
    (True, True): Obstacle.of("obstacle.symmetric_both"),
    (True, False): Obstacle.of("obstacle.symmetric_here"),
    (False, True): Obstacle.of("obstacle.symmetric_there"),
}


def failure_reasons(
    theirs: Sequence[Candidate], refusal: Obstacle | None = None
) -> tuple[Obstacle, Obstacle]:
    """
    Why there is no direct route, after everything was tried.

    :param theirs: those that were tried.
    :param refusal: why the device did not dial us at the same time; ``None`` if it did.
    :returns: why no address was reached, and why no hole was punched.
    """
    count = len({candidate.address for candidate in theirs if candidate.dialable})
    # What helps against the first would help against the second, too.
    return Obstacle.of("obstacle.silent", n=count), replace(refusal or _NO_HOLE, fix="")


def _is_symmetric(candidates: Iterable[Candidate]) -> bool:
    return any(candidate.varies for candidate in candidates)


def _may_answer(dialled: Collection[Candidate], diallers: Collection[Candidate]) -> bool:
    """Whether one of the dialled candidates may answer, as far as the addresses tell."""
    families = _families(diallers)
    near = _networks(diallers) if may_share_network(dialled, diallers) else set()
    return any(
        _network(c.address) in near or (c.address.is_global and _may_be_open(c))
        for c in dialled
        if c.dialable and c.address.is_ipv6 in families
    )


def _may_be_open(candidate: Candidate) -> bool:
    # A hole passes an IPv6 firewall that accepts nothing, as it translates no port.
    return candidate.reached is not False or candidate.address.is_ipv6


def may_share_network(some: Iterable[Candidate], others: Iterable[Candidate]) -> bool:
    """
    Whether both may be behind one router: their reflexive IPv4 addresses do not differ.

    :param some: all candidates of one device.
    :param others: all candidates of the other device.
    :returns: true, too, if one of the devices has no reflexive IPv4 address.
    """
    reflexive, of_others = _reflexive(some), _reflexive(others)
    return not (reflexive and of_others) or bool(reflexive & of_others)


def passed_on(
    candidates: Iterable[Candidate], receiver: Iterable[Candidate]
) -> tuple[Candidate, ...]:
    """
    Choose the candidates of one device that another one may be told.

    A private address means another machine in every network, so it is told only to a device that
    has the same public address, or, on a machine without a network, only loopback ones as well.

    :param receiver: all candidates of the device that is told.
    """
    candidates, receiver = list(candidates), list(receiver)
    is_near = bool(_public_networks(candidates) & _public_networks(receiver))
    is_here = all(c.address.is_loopback for c in (*candidates, *receiver))
    return tuple(
        c
        for c in candidates
        if c.address.is_global or (is_here if c.address.is_loopback else is_near)
    )


def _public_networks(candidates: Iterable[Candidate]) -> set[str]:
    """The public IPv4 addresses, and the networks of the public IPv6 addresses."""
    public = (c.address for c in candidates if c.address.is_global)
    return {_network(a) if a.is_ipv6 else a.address for a in public}


def _reflexive(candidates: Iterable[Candidate]) -> set[str]:
    return {
        c.address.address
        for c in candidates
        if c.kind is CandidateKind.REFLEXIVE and not c.address.is_ipv6
    }


def _promise(address: PeerAddress, near: bool) -> int:
    if address.is_loopback or near:
        return 0
    if address.ip.is_private:
        return 3
    return 1 if address.is_ipv6 else 2


def _network(address: PeerAddress) -> str:
    return str(ip_network(f"{address.address}/{_NETWORK_BITS[address.ip.version]}", strict=False))


def _networks(candidates: Iterable[Candidate]) -> set[str]:
    return {_network(candidate.address) for candidate in candidates}


def _families(candidates: Iterable[Candidate]) -> set[bool]:
    return {candidate.address.is_ipv6 for candidate in candidates}


def _family_text(families: set[bool]) -> str:
    return "IPv6" if True in families else "IPv4"

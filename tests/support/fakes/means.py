"""By what others are met, in memory: the ports of ``meeting.Means``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import ip_network

from twisted.internet.defer import Deferred

from bitween.connect.connector import ConnectorPorts, Policy
from bitween.connect.dial_policy import Network
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Key
from bitween.model.relay_route import RelayRoute
from bitween.model.torrent import InfoHash


class FakeMeans:
    """
    Plays races, encounters, relays and neighbours; nothing comes of them until a test says so.

    :ivar raced: the addresses of each race, and its outcome.
    :ivar knocked: the addresses of each look for all that answer, and its outcome.
    :ivar networks: those that every resource has proved to share with us.
    :ivar proofs: who was asked for proof, and the answer; that comes at once with ``networks``.
    :ivar seen: who was seen to come from an address.
    :ivar called: who was asked to come, for what, with which candidates of ours; and the answer.
    :ivar pinged: who was asked whether they are there, and the answer.
    :ivar asked: whose passage was asked for, and the answer.
    :ivar forgotten: who was forgotten at the relay.
    """

    def __init__(self, quick: bool = False, policy: Policy | None = None) -> None:
        """
        :param policy: what may be dialled; by default, all that is not on loopback.
        :param quick: whether in every race the first of the addresses answers at once, and no
            server relays.
        """
        self._quick = quick
        self.raced: list[tuple[tuple[PeerAddress, ...], Deferred[PeerAddress | None]]] = []
        self.called: list[
            tuple[Key, InfoHash, tuple[Candidate, ...], Deferred[tuple[Candidate, ...]]]
        ] = []
        self.asked: list[tuple[Key, Deferred[RelayRoute]]] = []
        self.forgotten: list[Key] = []
        self.pinged: list[tuple[Key, Deferred[bool]]] = []
        self.knocked: list[tuple[tuple[PeerAddress, ...], Deferred[list[PeerAddress]]]] = []
        self.closed = False
        self.networks: frozenset[Network] = frozenset(
            map(ip_network, ("10.0.0.0/24", "192.0.2.0/24"))
        )
        self.proofs: list[tuple[Key, Deferred[frozenset[Network]]]] = []
        self.seen: list[tuple[Key, str]] = []
        self.policy: Policy = policy or FakePolicy()
        self._places: dict[Key, PeerAddress] = {}

    @property
    def means(self) -> ConnectorPorts:
        """All of it."""
        return ConnectorPorts(self, self, self, FakeNeighbours(self), self.policy)

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Begin a race."""
        outcome: Deferred[PeerAddress | None] = Deferred()
        self.raced.append((tuple(addresses), outcome))
        if self._quick:
            outcome.callback(addresses[0] if addresses else None)
        return outcome

    def answering(
        self, addresses: Sequence[PeerAddress], seconds: float
    ) -> Deferred[list[PeerAddress]]:
        """Begin to look."""
        del seconds
        self.knocked.append((tuple(addresses), Deferred()))
        return self.knocked[-1][1]

    def close(self) -> None:
        """Take note."""
        self.closed = True

    def meet(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Begin to ask."""
        self.called.append(((jid, resource), info_hash, tuple(candidates), Deferred()))
        return self.called[-1][3]

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """Begin to ask."""
        self.pinged.append(((jid, resource), Deferred()))
        return self.pinged[-1][1]

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """Give each its own."""
        place = PeerAddress(f"127.1.0.{len(self._places) + 1}", 40000)
        return self._places.setdefault((jid, resource), place)

    def who(self, address: str) -> Key | None:
        """Whose it is."""
        return next((key for key, a in self._places.items() if a.address == address), None)

    def passage(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """Begin to look for one."""
        answer: Deferred[RelayRoute] = Deferred()
        self.asked.append(((jid, resource), answer))
        if self._quick:
            answer.errback(RequestRefused("neither server relays", "have proxy65 switched on"))
        return answer

    def forget(self, jid: str, resource: str) -> None:
        """Take note."""
        if self._places.pop((jid, resource), None):
            self.forgotten.append((jid, resource))


class FakePolicy:
    """Dials whatever is not on loopback."""

    def may_dial(self, address: PeerAddress, shared: Collection[Network] = ()) -> bool:
        """Dial no loopback."""
        del shared
        return not address.is_loopback

    def may_come_from(self, address: PeerAddress) -> bool:
        """Let everybody in but from loopback."""
        return not address.is_loopback

    def is_near(self, address: PeerAddress) -> bool:
        """Need no proof."""
        del address
        return False

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """Set no bounds."""
        del jid
        return list(addresses)

    def connected(self, jid: str, address: PeerAddress) -> None:
        """Need not know."""


class FakeNeighbours:
    """Has everybody share the networks that a test names."""

    def __init__(self, fakes: FakeMeans) -> None:
        self._fakes = fakes

    def shared(self, jid: str, resource: str) -> Collection[Network]:
        """All the same."""
        del jid, resource
        return self._fakes.networks

    def prove(self, jid: str, resource: str) -> Deferred[frozenset[Network]]:
        """Begin to ask, where something is left to be proved."""
        answer: Deferred[frozenset[Network]] = Deferred()
        self._fakes.proofs.append(((jid, resource), answer))
        if self._fakes.networks:
            answer.callback(self._fakes.networks)
        return answer

    def saw(self, jid: str, resource: str, address: str) -> None:
        """Take note."""
        self._fakes.seen.append(((jid, resource), address))

    def forget(self, jid: str, resource: str) -> None:
        """Know nothing."""

    def moved(self) -> None:
        """Stay."""

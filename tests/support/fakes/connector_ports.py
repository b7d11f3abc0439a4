"""The ports of ``bitween.connect.connector`` in memory."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from ipaddress import ip_address, ip_network

from twisted.internet.defer import Deferred, succeed

from bitween.connect.ports import ConnectorPorts, DialPolicyPort
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Key
from bitween.model.introduction import Introduction
from bitween.model.network_link import Network
from bitween.model.route import RelayRoute
from bitween.model.torrent import InfoHash

#: The networks that the machine of most tests is in.
LOCAL_NETWORKS: frozenset[Network] = frozenset(map(ip_network, ("10.0.0.0/24", "192.0.2.0/24")))


class FakeProber:
    """
    Answers when a test does.

    :ivar raced: the addresses of each race, and its outcome.
    :ivar probed: the addresses of each call of ``find_answering``, and its outcome.
    :ivar closed: whether it was closed.
    """

    def __init__(self, quick: bool = False) -> None:
        """:param quick: whether the best address of each race answers at once."""
        self._quick = quick
        self.raced: list[tuple[tuple[PeerAddress, ...], Deferred[PeerAddress | None]]] = []
        self.probed: list[tuple[tuple[PeerAddress, ...], Deferred[list[PeerAddress]]]] = []
        self.closed = False

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Begin a race; one without addresses is over."""
        outcome: Deferred[PeerAddress | None] = Deferred()
        self.raced.append((tuple(addresses), outcome))
        if self._quick or not addresses:
            outcome.callback(addresses[0] if addresses else None)
        return outcome

    def find_answering(
        self, addresses: Sequence[PeerAddress], seconds: float
    ) -> Deferred[list[PeerAddress]]:
        """Begin to probe."""
        del seconds
        outcome: Deferred[list[PeerAddress]] = Deferred()
        self.probed.append((tuple(addresses), outcome))
        return outcome

    def close(self) -> None:
        """Record it; what a test does not answer stays open."""
        self.closed = True

    def end(self, answering: Collection[PeerAddress]) -> None:
        """Let only these of the probed addresses answer, in what goes on."""
        for addresses, race in self.raced:
            if not race.called:
                race.callback(next((a for a in addresses if a in answering), None))
        for addresses, outcome in self.probed:
            if not outcome.called:
                outcome.callback([a for a in addresses if a in answering])


class FakePeerRequests:
    """
    Answers when a test does.

    :ivar connections: device, torrent and our candidates of each request to dial us; its answer.
    :ivar pings: the device of each ping, and its answer.
    """

    def __init__(self) -> None:
        self.connections: list[
            tuple[Key, InfoHash, tuple[Candidate, ...], Deferred[tuple[Candidate, ...]]]
        ] = []
        self.pings: list[tuple[Key, Deferred[bool]]] = []

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Begin to ask."""
        answer: Deferred[tuple[Candidate, ...]] = Deferred()
        self.connections.append(((jid, resource), info_hash, tuple(candidates), answer))
        return answer

    def refuse(self) -> None:
        """Have the last device that was asked refuse."""
        self.connections[-1][3].errback(RequestRefused("the device refused"))

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """Begin to ask."""
        answer: Deferred[bool] = Deferred()
        self.pings.append(((jid, resource), answer))
        return answer


class FakeWants:
    """
    Answers wants when a test does, and everything else at once.

    :ivar wanted: device and torrent of each want, and its answer.
    :ivar ended: device and torrent of each ``done``, and whether we seed.
    :ivar introduced: each introduction, and the device that got it.
    """

    def __init__(self, quick: bool = False) -> None:
        """:param quick: whether each want is granted at once."""
        self._quick = quick
        self.wanted: list[tuple[Key, InfoHash, Deferred[bool]]] = []
        self.ended: list[tuple[Key, InfoHash, bool]] = []
        self.introduced: list[tuple[Key, Introduction]] = []

    def want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[bool]:
        """Begin to ask."""
        answer: Deferred[bool] = Deferred()
        self.wanted.append(((jid, resource), info_hash, answer))
        if self._quick:
            answer.callback(True)
        return answer

    def done(self, jid: str, resource: str, info_hash: InfoHash, *, seeds: bool) -> Deferred[bool]:
        """Record it."""
        self.ended.append(((jid, resource), info_hash, seeds))
        return succeed(True)

    def introduce(self, jid: str, resource: str, introduction: Introduction) -> Deferred[bool]:
        """Record it."""
        self.introduced.append(((jid, resource), introduction))
        return succeed(True)


class FakeRelay:
    """
    Gives each device a local address; finds a route when a test does.

    :ivar routes: the device of each search for a route, and its outcome.
    :ivar disconnected: the devices that had a local address and lost it.
    """

    def __init__(self, quick: bool = False) -> None:
        """:param quick: whether each search for a route fails at once."""
        self._quick = quick
        self._addresses: dict[Key, PeerAddress] = {}
        self._count = 0
        self.routes: list[tuple[Key, Deferred[RelayRoute]]] = []
        self.disconnected: list[Key] = []

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """Give each device its own."""
        key = (jid, resource)
        if key not in self._addresses:
            self._count += 1
            self._addresses[key] = PeerAddress(f"127.1.0.{self._count}", 40000)
        return self._addresses[key]

    def device_at(self, address: str) -> Key | None:
        """Look it up."""
        return next((key for key, a in self._addresses.items() if a.address == address), None)

    def find_route(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """Begin to search."""
        outcome: Deferred[RelayRoute] = Deferred()
        self.routes.append(((jid, resource), outcome))
        if self._quick:
            self.answer(None)
        return outcome

    def answer(self, route: RelayRoute | None) -> None:
        """Let the last search end; ``None`` for no route."""
        _, outcome = self.routes[-1]
        if route is None:
            outcome.errback(RequestRefused("neither server relays", "have proxy65 switched on"))
        else:
            outcome.callback(route)

    def disconnect(self, jid: str, resource: str) -> None:
        """Release the local address."""
        if self._addresses.pop((jid, resource), None):
            self.disconnected.append((jid, resource))


class FakeNeighbours:
    """
    Every device shares the networks that a test names.

    :ivar networks: what every device shares without a proof.
    :ivar proofs: the device of each request for proof, and its answer.
    :ivar connections: each device that connected, and from where.
    """

    def __init__(self, local: frozenset[Network] = LOCAL_NETWORKS) -> None:
        """:param local: the networks that this machine is in."""
        self._local = local
        self._proved: dict[Key, frozenset[Network]] = {}
        self.networks = local
        self.proofs: list[tuple[Key, Deferred[frozenset[Network]]]] = []
        self.connections: list[tuple[Key, str]] = []

    def shared_networks(self, jid: str, resource: str) -> frozenset[Network]:
        """What is shared by all, and what was proved."""
        return self.networks | self._proved.get((jid, resource), frozenset())

    def request_proof(self, jid: str, resource: str) -> Deferred[frozenset[Network]]:
        """Begin to ask, where something is left to be proved."""
        answer: Deferred[frozenset[Network]] = Deferred()
        self.proofs.append(((jid, resource), answer))
        shared = self.shared_networks(jid, resource)
        if shared:
            answer.callback(shared)
        return answer

    def prove(self, networks: frozenset[Network]) -> None:
        """Have the last device that was asked share these networks, or none."""
        key, answer = self.proofs[-1]
        self._proved[key] = networks
        answer.callback(networks)

    def connected(self, jid: str, resource: str, address: str) -> None:
        """Record it; from one of our networks it is a proof."""
        key = (jid, resource)
        self.connections.append((key, address))
        near = frozenset(n for n in self._local if ip_address(address) in n)
        self._proved[key] = self._proved.get(key, frozenset()) | near

    def forget(self, jid: str, resource: str) -> None:
        """Drop what was proved."""
        self._proved.pop((jid, resource), None)

    def interfaces_changed(self) -> None:
        """Drop all that was proved."""
        self._proved.clear()


class FakeDialPolicy:
    """Allows every address that is not on loopback."""

    def may_dial(self, address: PeerAddress, shared: Collection[Network] = ()) -> bool:
        """Refuse loopback only."""
        del shared
        return not address.is_loopback

    def may_connect_from(self, address: PeerAddress) -> bool:
        """Refuse loopback only."""
        return not address.is_loopback

    def needs_proof(self, address: PeerAddress) -> bool:
        """Ask for no proof."""
        del address
        return False

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """Set no bounds."""
        del jid
        return list(addresses)

    def connected(self, jid: str, address: PeerAddress) -> None:
        """Ignore it: there is no budget."""


class FakeAllowlist:
    """
    Records what is allowed.

    :ivar allowed: the addresses of each device.
    :ivar others: the addresses of each key that is set.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        """:param catalogue: knows which devices are online."""
        self._catalogue = catalogue
        self.allowed: dict[Key, list[PeerAddress]] = {}
        self.others: dict[Hashable, list[PeerAddress]] = {}

    def set(self, key: Hashable, addresses: Iterable[PeerAddress]) -> None:
        """Record the addresses of a key."""
        self.others[key] = list(addresses)
        if not self.others[key]:
            del self.others[key]

    def allow_candidates(self, jid: str, resource: str, addresses: Iterable[PeerAddress]) -> None:
        """Record the addresses of an online device."""
        if resource in self._catalogue.online(jid):
            self.allowed[jid, resource] = list(addresses)


class FakeConnectorPorts:
    """One fake for each port that a connector reaches devices through."""

    def __init__(self, quick: bool = False, policy: DialPolicyPort | None = None) -> None:
        """
        :param quick: whether the best address of each race answers at once, and no server relays.
        :param policy: decides what may be dialled; by default all but loopback.
        """
        self.prober = FakeProber(quick)
        self.requests = FakePeerRequests()
        self.wants = FakeWants(quick)
        self.relay = FakeRelay(quick)
        self.neighbours = FakeNeighbours()
        self.policy: DialPolicyPort = policy or FakeDialPolicy()

    @property
    def ports(self) -> ConnectorPorts:
        """All of them."""
        return ConnectorPorts(
            self.prober,
            self.requests,
            self.wants,
            self.relay,
            self.neighbours,
            self.policy,
        )

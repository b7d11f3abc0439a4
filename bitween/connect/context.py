"""What the parts of connect/ share: ports, the catalogue, and rules that follow from both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

from bitween.connect.ports import AllowlistPort, ConnectorPorts, PeerSwarmPort
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Key
from bitween.model.torrent import InfoHash, TorrentState
from bitween.util.background import BackgroundTasks

_DOWNLOADING = frozenset({TorrentState.METADATA, TorrentState.DOWNLOADING})


@dataclass(frozen=True, slots=True)
class ConnectContext:
    """
    The collaborators of everything that connects devices.

    :param own_candidates: gives our own candidates at this moment.
    :param tasks: runs what takes a while, until the connector closes.
    """

    clock: IReactorTime
    swarm: PeerSwarmPort
    catalogue: Catalogue
    ports: ConnectorPorts
    allowlist: AllowlistPort
    own_candidates: Callable[[], Sequence[Candidate]]
    tasks: BackgroundTasks = field(default_factory=BackgroundTasks)

    def may_dial(self, device: Key, address: PeerAddress) -> bool:
        """Whether an address may be dialled if this device announces it; see DialPolicy."""
        shared = self.ports.neighbours.shared_networks(*device)
        return self.ports.policy.may_dial(address, shared)

    def dialable(self, device: Key, candidates: Iterable[Candidate]) -> list[Candidate]:
        """
        Choose the candidates of a device that may be dialled; this spends its budget.

        :param candidates: all that it announces, or some of them.
        """
        allowed = [c for c in candidates if self.may_dial(device, c.address)]
        within = set(self.ports.policy.within_budget(device[0], (c.address for c in allowed)))
        return [candidate for candidate in allowed if candidate.address in within]

    def needing_proof(self, device: Key, candidates: Iterable[Candidate]) -> list[Candidate]:
        """
        Choose the candidates that may be dialled once the device proves to be near.

        :param candidates: all that it announces, or some of them.
        """
        policy = self.ports.policy
        return [
            candidate
            for candidate in candidates
            if policy.needs_proof(candidate.address)
            and not self.may_dial(device, candidate.address)
        ]

    def announced(self, device: Key, candidates: Iterable[Candidate]) -> list[Candidate]:
        """
        Choose the candidates that a device has announced to all its contacts, too.

        :param candidates: those that it names to us, in a request or an answer.
        """
        announced = {c.address for c in self.catalogue.candidates(*device)}
        return [candidate for candidate in candidates if candidate.address in announced]

    async def request_connection(self, device: Key, info_hash: InfoHash) -> Sequence[Candidate]:
        """
        Ask a device to dial us for a torrent, and let it connect.

        :returns: its candidates, as far as they may be dialled.
        :raises BitweenError: if it cannot or does not want to.
        """
        requests = self.ports.requests
        theirs = await requests.request_connection(*device, info_hash, self.own_candidates())
        self.allowlist.allow_candidates(*device, [candidate.address for candidate in theirs])
        return self.dialable(device, self.announced(device, theirs))

    def is_downloading(self, info_hash: InfoHash) -> bool:
        """Whether a torrent is ours and fetches something now."""
        library = self.swarm.library
        return info_hash in library and library.get(info_hash).state in _DOWNLOADING

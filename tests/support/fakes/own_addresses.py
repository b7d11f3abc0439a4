"""Our own addresses, in memory: :class:`bitween.app.ports.OwnAddressesPort`."""

from __future__ import annotations

from collections.abc import Sequence

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.nat import Nat
from bitween.util.observable import Observable


class FakeOwnAddresses:
    """
    Takes every listen socket for an address that can be dialled; has one until it is refreshed.

    :ivar nat: what a test sets.
    """

    def __init__(self) -> None:
        self.changes: Observable[tuple[PeerAddress, ...]] = Observable()
        self.candidates: tuple[Candidate, ...] = (Candidate(PeerAddress("192.0.2.1", 6881)),)
        self.plain_addresses: tuple[PeerAddress, ...] = ()
        self.nat: Nat | None = None

    @property
    def addresses(self) -> tuple[PeerAddress, ...]:
        """The addresses of the candidates that can be dialled."""
        return tuple(c.address for c in self.candidates if c.dialable)

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
        *,
        plain_listening: Sequence[tuple[str, int]] = (),
        plain_mapped: Sequence[PeerAddress] = (),
    ) -> None:
        """Take over sockets and mappings."""
        candidates = (
            *(Candidate(PeerAddress(*socket)) for socket in listening),
            *(Candidate(address, CandidateKind.MAPPED) for address in mapped),
            *(
                Candidate(PeerAddress(address, port), CandidateKind.REFLEXIVE)
                for address in external
                for _, port in listening[:1]
            ),
        )
        plain = (*(PeerAddress(*socket) for socket in plain_listening), *plain_mapped)
        if (candidates, plain) != (self.candidates, self.plain_addresses):
            self.candidates, self.plain_addresses = candidates, plain
            self.changes.notify(self.addresses)

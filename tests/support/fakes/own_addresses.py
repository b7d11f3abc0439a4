"""Our own addresses, in memory: :class:`bitween.app.ports.OwnAddressesPort`."""

from __future__ import annotations

from collections.abc import Sequence

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.nat import Nat
from bitween.util.observable import Observable


class FakeOwnAddresses:
    """
    One address that never changes.

    :ivar nat: what a test sets.
    """

    def __init__(self) -> None:
        self.changes: Observable[tuple[PeerAddress, ...]] = Observable()
        self.addresses = (PeerAddress("192.0.2.1", 6881),)
        self.candidates = tuple(map(Candidate, self.addresses))
        self.nat: Nat | None = None

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
    ) -> None:
        """Do nothing."""

"""The addresses at which a device may be reached, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bitween.model.address import PeerAddress


class CandidateKind(StrEnum):
    """How a device knows an address of its own (compare RFC 8445)."""

    HOST = "host"  # an interface has it
    MAPPED = "mapped"  # a router forwards it (UPnP, NAT-PMP, PCP)
    CONFIGURED = "said"  # the person who runs the daemon named it
    REFLEXIVE = "seen"  # its packets come from there: good for hole punching, not to be dialled


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    One address of a device.

    :param reached: whether a contact that was asked to dial it got through; ``None`` if none was.
    :param varies: whether the NAT maps each destination to another port (RFC 4787 §4.1), so that
        this port cannot be predicted; only of a reflexive address.
    """

    address: PeerAddress
    kind: CandidateKind = CandidateKind.HOST
    reached: bool | None = None
    varies: bool = False

    @property
    def dialable(self) -> bool:
        """Whether everyone who knows it may dial it."""
        return self.kind is not CandidateKind.REFLEXIVE

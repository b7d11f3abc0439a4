"""Where one resource may be met: its addresses, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bitween.model.address import PeerAddress


class CandidateKind(StrEnum):
    """How somebody came by an address of theirs."""

    HOST = "host"  # an interface has it
    MAPPED = "mapped"  # a router forwards it (UPnP, NAT-PMP, PCP)
    CONFIGURED = "said"  # the person who runs the daemon named it
    REFLEXIVE = "seen"  # their packets come from there: good for meeting, not for being dialled


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    One address of a resource.

    :param reached: whether a contact came through when asked to dial it; ``None`` if nobody tried.
    :param varies: whether a router is known to show everybody another port than this one, so that
        nobody can know the one for him (a symmetric NAT, RFC 4787 §4.1); only where one is seen.
    """

    address: PeerAddress
    kind: CandidateKind = CandidateKind.HOST
    reached: bool | None = None
    varies: bool = False

    @property
    def dialable(self) -> bool:
        """Whether it is meant to be dialled by anybody who knows it."""
        return self.kind is not CandidateKind.REFLEXIVE

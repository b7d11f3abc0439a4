"""What two resources do for each other so that they find a way to one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitween.model.address import PeerAddress

#: Addresses that somebody is asked to dial at once.
MAX_DIALLED = 4


@dataclass(frozen=True, slots=True)
class DialBack:
    """
    What came of dialling somebody back.

    :param reached: by address, whether somebody answered there; what was not dialled is missing.
    """

    reached: Mapping[PeerAddress, bool]

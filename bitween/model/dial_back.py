"""Dial-back: two devices test for each other which addresses can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitween.model.address import PeerAddress

#: Addresses that a device is asked to dial in one request.
MAX_DIALLED = 4


@dataclass(frozen=True, slots=True)
class DialBack:
    """
    The result of dialling a device back.

    :param reached: whether each address answered; an address that was not dialled is missing.
    """

    reached: Mapping[PeerAddress, bool]

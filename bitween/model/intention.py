"""A path that is to be shared, as it is remembered until it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intention:
    """
    A path that is to be hashed and shared.

    :param strict: whether it is not to be shared if something of it has to be left out.
    """

    path: str
    strict: bool = False

"""Content that cannot be guessed."""

from __future__ import annotations

from random import Random

MIB = 2**20


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that are the same in every run."""
    return Random(seed).randbytes(size)

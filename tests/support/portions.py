"""Bytes that arrive in portions."""

from __future__ import annotations

from itertools import pairwise


def cut(text: bytes, places: list[int]) -> list[bytes]:
    """A text in portions."""
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]

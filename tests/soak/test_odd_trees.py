"""
Any tree that a Linux disk holds arrives equal, or each difference is told.

``BITWEEN_FUZZ=100000`` tries 1,000 trees, a hundredth; without it they are few enough for every
run.
"""

from __future__ import annotations

import os

from tests.support.odd_trees import OddTreesCase

TREES = int(os.environ.get("BITWEEN_FUZZ", "2000")) // 100


class OddTreesTests(OddTreesCase):
    """Other trees in each run."""

    async def test_many_odd_trees(self) -> None:
        """What is shared of each tree arrives, under its names or with those that it had told."""
        await self.try_trees(TREES, derandomize=False)

    test_many_odd_trees.timeout = 120 + TREES  # type: ignore[attr-defined]  # trial's own attribute

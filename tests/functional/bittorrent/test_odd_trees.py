"""Any tree that a Linux disk holds arrives equal, or each difference is told."""

from __future__ import annotations

from tests.support.odd_trees import OddTreesCase


class OddTreesTests(OddTreesCase):
    """Trees drawn by chance, always the same ones; ``tests.soak`` tries more."""

    async def test_odd_trees_arrive_complete(self) -> None:
        """What is shared of each tree arrives, under its names or with those that it had told."""
        await self.try_trees(25)

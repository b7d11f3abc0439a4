"""Long rounds in small steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice


class Rounds:
    """Makes one round after the other, a few steps at a time, and rests in between."""

    def __init__(self, begin: Callable[[], Iterator[None]], rest: float) -> None:
        """
        :param begin: begins a round.
        :param rest: seconds from the end of one round to the next.
        """
        self._begin = begin
        self._rest = rest
        self._round: Iterator[None] | None = None
        self._next = 0.0

    def step(self, now: float, count: int) -> None:
        """
        Go on, unless it is time to rest.

        :param now: seconds, from any beginning.
        """
        if self._round is None:
            if now < self._next:
                return
            self._round = self._begin()
        if sum(1 for _ in islice(self._round, count)) < count:
            self._round = None
            self._next = now + self._rest

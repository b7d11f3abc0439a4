"""The delays between attempts to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

SHORTEST = 1.0
LONGEST = 60.0


class Backoff:
    """
    Delays that double from 1 s to 60 s, each with a random part.

    Without the random part, all clients of a server that restarts would come back at once.
    Twisted's ``backoffPolicy`` does not do: its random part does not grow with the delay.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """:param draw: returns a number in 0..1."""
        self._draw = draw
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now: the next step, and up to half of it more."""
        step = min(LONGEST / 1.5, SHORTEST * 2.0 ** min(self._tries, 10))
        self._tries += 1
        return step * (1 + self._draw() / 2)

    def longest(self) -> float:
        """Seconds to wait if a quick attempt would do harm; later delays are long, too."""
        self._tries = 10
        return LONGEST

    def reset(self) -> None:
        """Start with the shortest delay again."""
        self._tries = 0

"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable

SHORTEST = 1.0
LONGEST = 60.0


class Backoff:
    """
    Delays that double from 1 s to 60 s, each with a random part.

    Without the random part, all clients of a server that restarts would come back at once.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """:param draw: gives a number in 0..1."""
        self._draw = draw
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now: the step that is due, and up to a half of it more."""
        step = min(LONGEST / 1.5, SHORTEST * 2.0 ** min(self._tries, 10))
        self._tries += 1
        return step * (1 + self._draw() / 2)

    def longest(self) -> float:
        """Seconds to wait where a quick try would do harm; later ones are long too."""
        self._tries = 10
        return LONGEST

    def reset(self) -> None:
        """Begin at the shortest delay again."""
        self._tries = 0

"""A limited number of places for long answers, such as event streams and downloads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bitween.api.http.access import Caller


class Places:
    """
    Counts long answers, and keeps some places for callers with full access.

    All guests together have a smaller number of places: a read-only token cannot keep the owner's
    page from working.
    """

    def __init__(self, total: int, for_guests: int) -> None:
        """
        :param total: places for all callers.
        :param for_guests: how many of them guests may use; see :attr:`.access.Caller.is_guest`.
        """
        self._total = total
        self._for_guests = for_guests
        # By whether guests use them.
        self._used: Counter[bool] = Counter()

    def has_room(self, caller: Caller) -> bool:
        """Whether a place is free for a caller."""
        if caller.is_guest and self._used[True] >= self._for_guests:
            return False
        return self._used.total() < self._total

    def take(self, caller: Caller) -> Callable[[], None]:
        """
        Use a place.

        :returns: a function to call once, when the answer is over.
        """
        guest = caller.is_guest
        self._used[guest] += 1

        def release() -> None:
            self._used[guest] -= 1

        return release

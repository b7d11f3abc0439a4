"""How much a contact may have us dial in vain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bitween.model.address import PeerAddress


class DialBudget:
    """
    Remembers, for each bare JID, what was dialled in vain lately.

    Whatever is dialled for a contact counts as failed until it is known better: so it learns of
    only so many addresses whether anything answers there.
    """

    def __init__(self, now: Callable[[], float], most: Mapping[float, int], ports: int) -> None:
        """
        :param now: seconds.
        :param most: how many different addresses are dialled, by the seconds in which.
        :param ports: how many of these may be of one IP address, in the longest of these times.
        """
        self._now = now
        self._most = most
        self._ports = ports
        self._when: dict[str, dict[PeerAddress, float]] = {}

    def take(self, jid: str, address: PeerAddress) -> bool:
        """Note that an address is dialled for a contact; tells whether the budget suffices."""
        now = self._now()
        when = self._when.setdefault(jid, {})
        for old in [known for known, since in when.items() if now - since > max(self._most)]:
            del when[old]
        if now - when.get(address, -math.inf) <= min(self._most):
            return True
        others = {known: since for known, since in when.items() if known != address}
        if not self._may_take(others, address, now):
            return False
        when[address] = now
        return True

    def give_back(self, jid: str, address: PeerAddress) -> None:
        """Note that the contact was really met at an address."""
        self._when.get(jid, {}).pop(address, None)

    def _may_take(
        self, others: Mapping[PeerAddress, float], address: PeerAddress, now: float
    ) -> bool:
        ports = sum(known.address == address.address for known in others)
        return ports < self._ports and all(
            sum(now - since <= seconds for since in others.values()) < most
            for seconds, most in self._most.items()
        )

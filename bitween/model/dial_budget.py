"""Limits how many addresses we dial for a contact without success."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bitween.model.address import PeerAddress


class DialBudget:
    """
    Remembers, for each bare JID, the addresses that were dialled recently without success.

    An address counts as failed until the contact is connected there.  So a contact can use us to
    find out of only a few addresses whether anything answers there.
    """

    def __init__(self, now: Callable[[], float], most: Mapping[float, int], ports: int) -> None:
        """
        :param now: returns seconds, from any beginning.
        :param most: maps periods, in seconds, to the most addresses to dial within each.
        :param ports: the most of these with the same IP address, in the longest of these periods.
        """
        self._now = now
        self._most = most
        self._ports = ports
        self._when: dict[str, dict[PeerAddress, float]] = {}

    def take(self, jid: str, address: PeerAddress) -> bool:
        """Charge an address to a contact's budget; false if the budget does not suffice."""
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
        """Refund an address at which the contact is connected."""
        self._when.get(jid, {}).pop(address, None)

    def _may_take(
        self, others: Mapping[PeerAddress, float], address: PeerAddress, now: float
    ) -> bool:
        ports = sum(known.address == address.address for known in others)
        return ports < self._ports and all(
            sum(now - since <= seconds for since in others.values()) < most
            for seconds, most in self._most.items()
        )

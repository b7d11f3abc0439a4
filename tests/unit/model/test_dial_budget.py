"""Unit tests for bitween.model.dial_budget."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.dial_budget import DialBudget

ALICE, BOB = "alice@example.org", "bob@example.org"


def address(host: int, port: int = 6881) -> PeerAddress:
    """An address of a host."""
    return PeerAddress.parse(f"192.0.2.{host}", port)


class DialBudgetTests(SynchronousTestCase):
    """Two addresses within a minute, three within an hour, two ports of each host."""

    def setUp(self) -> None:
        """Begin at an arbitrary time."""
        self.now = 1000.0
        self.budget = DialBudget(lambda: self.now, {60.0: 2, 3600.0: 3}, 2)

    def taken(self, *hosts: int, jid: str = ALICE) -> list[bool]:
        """Whether each host may be dialled, one after the other."""
        return [self.budget.take(jid, address(host)) for host in hosts]

    def test_each_period_has_a_bound(self) -> None:
        """An address counts in all periods, and in none after the longest one."""
        self.assertEqual(self.taken(1, 2, 3), [True, True, False])
        self.now += 60.0
        self.assertEqual(self.taken(3), [False], "the last second of the minute counts")
        self.now += 0.5
        self.assertEqual(self.taken(3, 4), [True, False])
        self.now += 3600.0 - 60.5
        self.assertEqual(self.taken(4), [False])
        self.now += 0.5
        self.assertEqual(self.taken(4), [True])

    def test_the_same_address_costs_nothing_for_a_while(self) -> None:
        """It counts again after the shortest period."""
        self.assertEqual(self.taken(1, 1, 1, 2), [True, True, True, True])
        self.now += 61.0
        self.assertEqual(self.taken(1, 3), [True, True])

    def test_contacts_have_budgets_of_their_own(self) -> None:
        """What one contact spends is not missing for another."""
        self.assertEqual(self.taken(1, 2), [True, True])
        self.assertEqual(self.taken(3, 4, jid=BOB), [True, True])

    def test_a_connection_refunds_its_address(self) -> None:
        """An unknown address refunds nothing."""
        self.assertEqual(self.taken(1, 2), [True, True])
        self.budget.give_back(ALICE, address(9))
        self.budget.give_back(BOB, address(1))
        self.assertEqual(self.taken(3), [False])
        self.budget.give_back(ALICE, address(1))
        self.assertEqual(self.taken(3), [True])

    def test_few_ports_of_one_host(self) -> None:
        """In the longest period, however slowly they come."""
        ports = []
        for port in (5001, 5002, 5003):
            ports.append(self.budget.take(ALICE, address(1, port)))
            self.now += 100.0
        self.assertEqual(ports, [True, True, False])
        self.assertEqual(self.taken(2), [True])

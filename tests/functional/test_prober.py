"""The race of addresses, on a clock of the test's."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.reach.prober import AT_ONCE, HEAD_START, PATIENCE, Prober

ONE, TWO, THREE = (PeerAddress.parse("192.0.2.1", port) for port in (1, 2, 3))


class ProberTests(SynchronousTestCase):
    """Each dialling ends as the test says."""

    def setUp(self) -> None:
        """Make a prober."""
        self.clock = Clock()
        self.dialled: dict[PeerAddress, Deferred[bool]] = {}
        self.cancelled: list[PeerAddress] = []
        self.prober = Prober(self.clock, self.dial)

    def dial(self, address: PeerAddress, timeout: float) -> Deferred[bool]:
        """Begin to dial."""
        self.assertEqual(timeout, PATIENCE)
        self.dialled[address] = Deferred(lambda _: self.cancelled.append(address))
        return self.dialled[address]

    def test_head_starts(self) -> None:
        """Each address has a moment for itself before the next one is tried beside it."""
        race = self.prober.race([ONE, TWO, THREE])
        self.assertEqual(list(self.dialled), [ONE])
        self.clock.advance(HEAD_START)
        self.assertEqual(list(self.dialled), [ONE, TWO])
        self.dialled[ONE].callback(True)
        self.assertEqual(self.successResultOf(race), ONE)
        self.assertEqual(self.cancelled, [TWO])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_later_one_wins(self) -> None:
        """The first that answers wins, wherever it stood."""
        race = self.prober.race([ONE, TWO])
        self.clock.advance(HEAD_START)
        self.dialled[TWO].callback(True)
        self.assertEqual((self.successResultOf(race), self.cancelled), (TWO, [ONE]))

    def test_no_waiting_for_who_refuses(self) -> None:
        """Where somebody refuses at once, the next one begins at once."""
        race = self.prober.race([ONE, TWO])
        self.dialled[ONE].callback(False)
        self.assertEqual(list(self.dialled), [ONE, TWO])
        self.assertNoResult(race)
        self.dialled[TWO].callback(False)
        self.assertIsNone(self.successResultOf(race))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_to_try(self) -> None:
        """No address has no winner."""
        self.assertIsNone(self.successResultOf(self.prober.race([])))

    def test_cancelling(self) -> None:
        """A race that is given up leaves nothing behind."""
        race = self.prober.race([ONE, TWO, THREE])
        self.clock.advance(HEAD_START)
        race.cancel()
        self.failureResultOf(race, CancelledError)
        self.assertEqual(self.cancelled, [ONE, TWO])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_dialler_that_fails(self) -> None:
        """An unforeseen error is logged, and counts as no answer."""
        prober = Prober(self.clock, lambda *_: fail(ZeroDivisionError()))
        self.assertIsNone(self.successResultOf(prober.race([ONE, TWO])))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_few_at_once(self) -> None:
        """All races together open no more connections than a few; the others wait."""
        ports = range(1, AT_ONCE + 2)
        races = [self.prober.race([PeerAddress.parse("192.0.2.9", port)]) for port in ports]
        self.assertEqual(len(self.dialled), AT_ONCE)
        next(iter(self.dialled.values())).callback(True)
        self.assertEqual(len(self.dialled), AT_ONCE + 1)
        for race in races[1:]:
            race.cancel()
            self.failureResultOf(race, CancelledError)

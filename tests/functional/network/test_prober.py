"""The race of addresses, on a clock of the test's."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.network.prober import AT_ONCE, HEAD_START, PATIENCE, Prober

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

    def test_all_at_the_same_time(self) -> None:
        """Every address is knocked at, at once, whatever comes of the others."""
        for first in (True, False, None):
            self.dialled.clear()
            self.prober.race([ONE, TWO, THREE])
            if first is not None:
                self.dialled[ONE].callback(first)
            self.clock.advance(PATIENCE - 0.1)
            self.assertEqual((list(self.dialled), self.cancelled), ([ONE, TWO, THREE], []))
            self.prober.close()
            self.cancelled.clear()

    def test_the_best_one_wins(self) -> None:
        """At once if it answers; a worse one has to wait a moment for it, not for what is worse."""
        race = self.prober.race([ONE, TWO, THREE])
        self.dialled[TWO].callback(True)
        self.clock.advance(HEAD_START / 2)
        self.assertNoResult(race)
        self.dialled[ONE].callback(True)
        self.assertEqual(self.successResultOf(race), ONE)
        race = self.prober.race([ONE, TWO, THREE])
        self.dialled[TWO].callback(True)
        self.clock.advance(HEAD_START)
        self.assertEqual(self.successResultOf(race), TWO)
        race = self.prober.race([ONE, TWO, THREE])
        self.dialled[TWO].callback(True)
        self.dialled[ONE].callback(False)
        self.assertEqual(self.successResultOf(race), TWO)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silence_and_refusal_take_the_same_time(self) -> None:
        """That is told after the same time whether they refuse or are silent."""
        race = self.prober.race([ONE, TWO])
        self.dialled[ONE].callback(False)
        self.dialled[TWO].callback(False)
        self.clock.advance(PATIENCE - 0.1)
        self.assertNoResult(race)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(race))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_all_that_answer(self) -> None:
        """They are told after a time that was set, never earlier."""
        looking = self.prober.find_answering([ONE, TWO, THREE], 0.3)
        self.dialled[THREE].callback(True)
        self.dialled[ONE].callback(True)
        self.dialled[TWO].callback(False)
        self.clock.advance(0.2)
        self.assertNoResult(looking)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(looking), [ONE, THREE])

    def test_nothing_to_try(self) -> None:
        """No address has no winner."""
        self.assertIsNone(self.successResultOf(self.prober.race([])))

    def test_a_cancelled_race_reports_nothing(self) -> None:
        """A race that is given up tells nothing; its knocks end by themselves, or at the end."""
        race = self.prober.race([ONE, TWO])
        race.cancel()
        self.failureResultOf(race, CancelledError)
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), ([], []))
        self.prober.close()
        self.assertEqual(set(self.cancelled), {ONE, TWO})

    def test_a_dialler_that_fails(self) -> None:
        """An unforeseen error is logged, and counts as no answer."""
        prober = Prober(self.clock, lambda *_: fail(ZeroDivisionError()))
        race = prober.race([ONE, TWO])
        self.clock.advance(PATIENCE)
        self.assertIsNone(self.successResultOf(race))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_few_at_once(self) -> None:
        """All races together open a few connections at a time; the other probes wait."""
        ports = range(1, AT_ONCE + 2)
        races = [self.prober.race([PeerAddress.parse("192.0.2.9", port)]) for port in ports]
        self.assertEqual(len(self.dialled), AT_ONCE)
        next(iter(self.dialled.values())).callback(True)
        self.assertEqual(len(self.dialled), AT_ONCE + 1)
        for race in races[1:]:
            race.cancel()
            self.failureResultOf(race, CancelledError)

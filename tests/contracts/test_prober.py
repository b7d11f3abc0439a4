"""What every prober has to do: the one that dials, and the fake."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ports import ProberPort
from bitween.model.address import PeerAddress
from bitween.network.prober import PATIENCE, Prober
from tests.support.fakes.connector_ports import FakeProber

BEST, WORSE = PeerAddress("192.0.2.1", 6881), PeerAddress("192.0.2.2", 6881)
SECONDS = 0.3


class Contract:
    """Keeps the suite itself from being run."""

    class ProberTests(SynchronousTestCase):
        """The suite; ``make`` gives a prober, ``end`` lets its probes end."""

        prober: ProberPort

        def make(self) -> ProberPort:
            """A prober."""
            raise NotImplementedError

        def end(self, *answering: PeerAddress) -> None:
            """Let only these of the probed addresses answer, and the time for an answer pass."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            self.prober = self.make()

        def test_the_best_address_that_answers_wins(self) -> None:
            """The others lose, whether they answer or not."""
            for answering, winner in (((BEST, WORSE), BEST), ((WORSE,), WORSE), ((), None)):
                race = self.prober.race([BEST, WORSE])
                self.assertNoResult(race)
                self.end(*answering)
                self.assertEqual(self.successResultOf(race), winner)

        def test_a_race_without_addresses_is_over_at_once(self) -> None:
            """There is nothing to wait for."""
            self.assertIsNone(self.successResultOf(self.prober.race([])))

        def test_a_race_can_be_cancelled(self) -> None:
            """What comes of the probes then is ignored."""
            race = self.prober.race([BEST])
            race.cancel()
            self.failureResultOf(race, CancelledError)
            self.end(BEST)

        def test_all_addresses_that_answer_are_found(self) -> None:
            """They keep their order."""
            finding = self.prober.find_answering([BEST, WORSE], SECONDS)
            self.assertNoResult(finding)
            self.end(WORSE, BEST)
            self.assertEqual(self.successResultOf(finding), [BEST, WORSE])
            finding = self.prober.find_answering([BEST, WORSE], SECONDS)
            self.end()
            self.assertEqual(self.successResultOf(finding), [])

        def test_closing_ends_every_probe(self) -> None:
            """A race ends without a winner, when its time is up."""
            race = self.prober.race([BEST])
            self.prober.close()
            self.end()
            self.assertIsNone(self.successResultOf(race))


class DiallingProberTests(Contract.ProberTests):
    """The prober that dials, on a clock of the test's."""

    def make(self) -> ProberPort:
        """A prober whose connections the test makes."""
        self.clock = Clock()
        self.dialled: dict[PeerAddress, Deferred[bool]] = {}
        return Prober(self.clock, self.dial)

    def dial(self, address: PeerAddress, timeout: float) -> Deferred[bool]:
        """Begin to dial."""
        del timeout
        self.dialled[address] = Deferred()
        return self.dialled[address]

    def end(self, *answering: PeerAddress) -> None:
        """Make the connections."""
        dialled, self.dialled = self.dialled, {}
        for address, connection in dialled.items():
            if not connection.called:
                connection.callback(address in answering)
        self.clock.advance(PATIENCE)


class FakeProberTests(Contract.ProberTests):
    """The fake."""

    def make(self) -> ProberPort:
        """The fake."""
        self.fake = FakeProber()
        return self.fake

    def end(self, *answering: PeerAddress) -> None:
        """Let the last race and the last search end."""
        self.fake.end(answering)

"""Pings of devices, and the lines that are logged about them, on a clock of the test's."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.contact_log import BURST, PER_DAY, ContactLog
from bitween.connect.liveness import ASK_EVERY, Liveness
from bitween.errors import NotConnected
from bitween.model.catalogue.changes import Key

BOB = ("bob@example.org", "laptop")


class LivenessTests(SynchronousTestCase):
    """One device."""

    def setUp(self) -> None:
        """Have pinged nobody."""
        self.clock = Clock()
        self.pings: list[Deferred[bool]] = []
        self.changed: list[Key] = []
        self.liveness = Liveness(self.clock, self.ping, ContactLog(self.clock), self.changed.append)

    def ping(self, *_: str) -> Deferred[bool]:
        """Begin to ping."""
        self.pings.append(Deferred())
        return self.pings[-1]

    def test_a_device_is_pinged_every_so_often(self) -> None:
        """Not before, and then again."""
        self.liveness.ask(BOB)
        self.clock.advance(ASK_EVERY - 1)
        self.liveness.ask(BOB)
        self.assertEqual(len(self.pings), 1)
        self.clock.advance(1)
        self.liveness.ask(BOB)
        self.assertEqual(len(self.pings), 2)

    def test_only_changes_are_told(self) -> None:
        """A device is taken to answer until it does not."""
        for answers in (True, False, False, True):
            self.liveness.ask(BOB)
            self.pings[-1].callback(answers)
            self.clock.advance(ASK_EVERY)
        self.assertEqual(self.changed, [BOB, BOB])

    def test_a_ping_that_cannot_be_sent_is_sent_again(self) -> None:
        """Nothing is known then."""
        self.liveness.ask(BOB)
        self.pings[0].errback(NotConnected("no session"))
        self.assertIsNone(self.liveness.answers(BOB))
        self.liveness.ask(BOB)
        self.assertEqual(len(self.pings), 2)

    def test_an_unforeseen_error_is_logged(self) -> None:
        """It is a fault of the program, no answer."""
        self.liveness.ask(BOB)
        self.pings[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIsNone(self.liveness.answers(BOB))

    def test_presence_counts_as_an_answer_every_so_often(self) -> None:
        """A device that is forgotten begins again."""
        for gone in (False, True):
            self.liveness.ask(BOB)
            self.pings[-1].callback(False)
            self.liveness.presence_received(BOB)
            self.assertTrue(self.liveness.answers(BOB))
            self.clock.advance(ASK_EVERY)
            if gone:
                self.liveness.forget(BOB)
        self.liveness.ask(BOB)
        self.pings[-1].callback(False)
        self.liveness.presence_received(BOB)
        self.assertTrue(self.liveness.answers(BOB))

    def test_presence_right_after_forgetting_counts(self) -> None:
        """When it was last counted is forgotten, too."""
        self.liveness.ask(BOB)
        self.liveness.presence_received(BOB)
        self.liveness.forget(BOB)
        self.liveness.ask(BOB)
        self.pings[-1].callback(False)
        self.liveness.presence_received(BOB)
        self.assertTrue(self.liveness.answers(BOB))


class LogTests(SynchronousTestCase):
    """A contact that comes and goes all day."""

    def test_few_lines_are_logged(self) -> None:
        """The others are for debugging; another contact has lines of its own."""
        clock = Clock()
        log = ContactLog(clock)
        with capturedLogs() as events:
            for _ in range(10_000):
                log.note(BOB, "answers again")
                clock.advance(86400 / 10_000)
            log.note(("carol@example.org", "pc"), "does not answer")
        levels = [event["log_level"] for event in events]
        self.assertEqual(len(events), 10_001)
        self.assertIs(levels[-1], LogLevel.info)
        self.assertLessEqual(levels.count(LogLevel.info), BURST + PER_DAY + 2)
        self.assertGreaterEqual(levels.count(LogLevel.info), BURST + PER_DAY)

    def test_the_devices_of_a_contact_share_its_lines(self) -> None:
        """A contact may have a new device each time."""
        log = ContactLog(Clock())
        with capturedLogs() as events:
            for number in range(2 * BURST):
                log.note((BOB[0], f"pc{number}"), "answers again")
        levels = [event["log_level"] for event in events]
        self.assertEqual(levels.count(LogLevel.info), BURST)

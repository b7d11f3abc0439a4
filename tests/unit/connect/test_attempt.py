"""The steps and timers of a ladder."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.attempt import Attempt, Timer
from bitween.errors import BitweenError


class AttemptTests(SynchronousTestCase):
    """One kind of step."""

    def setUp(self) -> None:
        """Start no step yet."""
        self.answers: list[int] = []
        self.errors: list[BitweenError] = []
        self.attempt: Attempt[int] = Attempt(self.answers.append, self.errors.append)

    def test_an_earlier_step_does_not_end_the_later_one(self) -> None:
        """Its answer counts, and the attempt waits for the later step."""
        earlier, later = Deferred[int](), Deferred[int]()
        self.attempt.start(earlier)
        self.attempt.start(later)
        earlier.callback(1)
        self.assertEqual((self.answers, self.attempt.running), ([1], True))
        later.callback(2)
        self.assertEqual((self.answers, self.attempt.running), ([1, 2], False))

    def test_a_fault_in_handling_an_answer_is_logged_at_once(self) -> None:
        """Twisted itself logs it only when it collects the Deferred."""

        def fail(_: int) -> None:
            raise ZeroDivisionError

        step = Deferred[int]()
        attempt: Attempt[int] = Attempt(fail, self.errors.append)
        attempt.start(step)
        step.callback(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class TimerTests(SynchronousTestCase):
    """A timer on a clock of the test's."""

    def test_a_timer_that_starts_again_fires_once(self) -> None:
        """At the later time, and not at the earlier one as well."""
        clock, fired = Clock(), []
        timer = Timer(clock, lambda: fired.append(clock.seconds()))
        timer.start(1)
        timer.start(2)
        clock.advance(1)
        self.assertEqual((fired, timer.running), ([], True))
        clock.advance(1)
        self.assertEqual((fired, timer.running), ([2], False))

"""Requests for a subscription that a server may have dropped are made again."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.roster.subscription_retry import FIRST_DELAY, MAX_REPEATS, SubscriptionRetry


class RemindersTests(SynchronousTestCase):
    """Who is asked again, and when."""

    def setUp(self) -> None:
        """Wait for two answers."""
        self.clock = Clock()
        self.pending = ["bob@localhost", "carol@localhost"]
        self.asked: list[str] = []
        self.reminders = SubscriptionRetry(self.clock, lambda: self.pending, self.asked.append)

    def test_one_at_a_time(self) -> None:
        """They are asked in turn, so that reminders keep below the limit themselves."""
        self.reminders.begin()
        self.clock.advance(FIRST_DELAY - 1)
        self.assertEqual(self.asked, [])
        self.clock.advance(1)
        self.assertEqual(self.asked, ["bob@localhost"])
        self.clock.advance(FIRST_DELAY)
        self.assertEqual(self.asked, ["bob@localhost", "carol@localhost"])

    def test_rarer_and_rarer(self) -> None:
        """The delay doubles from the third round on; after a few nobody is bothered any more."""
        self.pending.remove("carol@localhost")
        self.reminders.begin()
        for done in range(MAX_REPEATS):
            self.clock.advance(FIRST_DELAY * 2 ** max(0, done - 1))
            self.assertEqual(len(self.asked), done + 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_answer_ends_it(self) -> None:
        """An answered request is not repeated; a later one is, from the first delay on."""
        self.reminders.begin()
        self.pending.clear()
        self.clock.advance(FIRST_DELAY)
        self.assertEqual((self.asked, self.clock.getDelayedCalls()), ([], []))
        self.pending.append("dave@localhost")
        self.reminders.begin()
        self.clock.advance(FIRST_DELAY)
        self.assertEqual(self.asked, ["dave@localhost"])

    def test_the_session_ends(self) -> None:
        """Nothing is sent after the end, and nothing is left to do."""
        self.reminders.begin()
        self.reminders.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

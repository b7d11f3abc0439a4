"""When our PEP node is looked at."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.backoff import Backoff
from bitween.xmpp.shares.node_check import CHECK_DELAY, CHECK_INTERVAL, SETTLED, NodeCheck


class NodeWatchTests(SynchronousTestCase):
    """Soon after a doubt, ever more slowly after many, and now and then without one."""

    def setUp(self) -> None:
        """Begin a session."""
        self.clock = Clock()
        self.looks: list[float] = []
        self.watch = NodeCheck(
            self.clock, Backoff(lambda: 0.0), lambda: self.looks.append(self.clock.seconds())
        )
        self.watch.begin()

    def test_a_doubt_is_looked_into(self) -> None:
        """Once, however many events raise it."""
        self.clock.advance(SETTLED + 1)
        for _ in range(5):
            self.watch.suspect()
        self.clock.pump([0.5] * 4)
        self.assertEqual(self.looks, [SETTLED + 2])

    def test_a_fight_becomes_slow(self) -> None:
        """Who overwrites us at once, each time, makes us write once in 40 s, not in a second."""
        self.clock.advance(SETTLED + 1)
        waits = []
        for _ in range(8):
            count, waited = len(self.looks), 0.0
            self.watch.suspect()
            while len(self.looks) == count:
                self.clock.advance(1)
                waited += 1
            waits.append(waited)
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 40, 40])
        self.clock.advance(SETTLED + 1)
        self.watch.suspect()
        self.clock.advance(1)
        self.assertEqual(len(self.looks), 9)

    def test_without_a_doubt(self) -> None:
        """The node is looked at every hour: nobody tells of another access model."""
        self.clock.pump([CHECK_INTERVAL] * 3)
        self.assertEqual(len(self.looks), 3)

    def test_another_program_came_or_went(self) -> None:
        """It may have changed the node: one look, however many come, and a doubt comes first."""
        for _ in range(3):
            self.watch.check_soon()
            self.clock.advance(1)
        self.clock.advance(1)
        self.assertEqual(self.looks, [CHECK_DELAY])
        self.watch.suspect()
        self.watch.check_soon()
        self.clock.advance(1)
        self.assertEqual(len(self.looks), 2)

    def test_the_session_ends(self) -> None:
        """Nothing is looked at any more, and no doubt counts."""
        self.watch.suspect()
        self.watch.end()
        self.watch.suspect()
        self.assertEqual(self.clock.getDelayedCalls(), [])

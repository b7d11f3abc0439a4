"""The rate limits of all torrents together, on a swarm in memory."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.limits import RateLimits
from bitween.errors import StoreError
from bitween.model.schedule import ScheduleEntry, parse_entry
from bitween.model.torrent_options import Limits
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.swarm import FakeSwarm


class RateLimitsTests(SynchronousTestCase):
    """The settings limit the rates; the user and the schedule change that."""

    def setUp(self) -> None:
        """Limit nothing yet."""
        self.swarm, self.memory = FakeSwarm(), FakeMemory()
        self.now = 1_000_000.0

    def start(self, configured: Limits, *schedule: ScheduleEntry) -> RateLimits:
        """Start with these settings."""
        limits = RateLimits(self.swarm, self.memory, configured, schedule, lambda: self.now)
        limits.apply()
        return limits

    def test_chosen_limits_survive_a_restart(self) -> None:
        """They are in force at once, and until the settings change."""
        limits = self.start(Limits(10, 20))
        self.assertEqual(limits.in_force.chosen, Limits(10, 20))
        limits.set(upload=5)
        self.assertEqual(self.swarm.limits, Limits(5, 20))
        again = self.start(Limits(10, 20))
        self.assertEqual(again.in_force.chosen, Limits(5, 20))
        self.assertEqual(self.swarm.limits, Limits(5, 20))
        other = self.start(Limits(10, 30))
        self.assertEqual(other.in_force.chosen, Limits(10, 30))

    def test_limits_that_cannot_be_stored_are_not_in_force(self) -> None:
        """The limits before them stay in force."""
        limits = self.start(Limits(10, 20))
        self.memory.broken = True
        with self.assertRaises(StoreError):
            limits.set(upload=5)
        self.assertEqual(limits.in_force.chosen, Limits(10, 20))
        self.assertEqual(self.swarm.limits, Limits())
        limits.apply()
        self.assertEqual(limits.in_force.chosen, Limits(10, 20))

    def test_the_schedule_replaces_the_limits_at_its_hours(self) -> None:
        """Limits that are chosen meanwhile are in force afterwards."""
        self.now = time.mktime((2026, 11, 2, 7, 59, 0, 0, 0, -1))
        limits = self.start(Limits(1, 2), parse_entry("08:00-09:00 upload=7"))
        self.assertFalse(limits.in_force.scheduled)
        self.now += 60
        limits.apply()
        self.assertEqual((self.swarm.limits, limits.in_force.scheduled), (Limits(7, 2), True))
        limits.set(upload=3, download=4)
        self.assertEqual(self.swarm.limits, Limits(7, 4))
        self.now += 3600
        limits.apply()
        self.assertEqual(self.swarm.limits, Limits(3, 4))

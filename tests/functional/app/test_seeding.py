"""The limits of seeding, on a swarm in memory."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.seeding import UNLIMITED_SEEDING, SeedingLimits, SeedingPolicy
from bitween.app.torrents import Torrents
from bitween.model.torrent import InfoHash, Metainfo
from tests.support.fakes.swarm import FakeSwarm

A, B = InfoHash("a" * 40), InfoHash("b" * 40)


class SeedingLimitsTests(SynchronousTestCase):
    """A is a download, B is shared from here."""

    def setUp(self) -> None:
        """Add both."""
        self.swarm = FakeSwarm()
        self.now, self.set_by = 1_000_000.0, 0.0
        self.swarm.download(A, "holiday", "/downloads")
        self.swarm.share(Metainfo(B, "ours", 100, b"d4:infodee"), "/files")

    def limits(self, policy: SeedingPolicy) -> SeedingLimits:
        """The limits by a policy; ``set_by`` is by how much the machine's clock was set."""
        return SeedingLimits(self.swarm, policy, lambda: self.now + self.set_by, lambda: self.now)

    def finished(self, uploaded: int = 0) -> None:
        """Let A be a complete download of 300 bytes."""
        self.swarm.arrive(A, 300)
        torrent = self.swarm.library.get(A)
        progress = replace(torrent.progress, uploaded=uploaded)
        self.swarm.library.put(replace(torrent, completed=self.now, progress=progress))

    def is_paused(self, policy: SeedingPolicy) -> bool:
        """Whether A is paused once the policy is applied."""
        self.limits(policy).apply()
        return self.swarm.library.get(A).options.paused

    def test_a_download_is_paused_at_the_ratio(self) -> None:
        """Not before."""
        self.finished(uploaded=599)
        self.assertFalse(self.is_paused(SeedingPolicy(ratio=2.0)))
        self.finished(uploaded=600)
        self.assertFalse(self.is_paused(UNLIMITED_SEEDING))
        self.assertTrue(self.is_paused(SeedingPolicy(ratio=2.0)))

    def test_a_download_is_paused_after_the_time(self) -> None:
        """The time begins when the download is complete."""
        self.finished()
        policy = SeedingPolicy(seconds=3600)
        self.now += 3599
        self.assertFalse(self.is_paused(policy))
        self.now += 1
        self.assertTrue(self.is_paused(policy))

    def test_setting_the_clock_does_not_change_the_time_of_seeding(self) -> None:
        """Neither forward nor back."""
        self.finished()
        limits = self.limits(SeedingPolicy(seconds=3600))
        limits.apply()
        for step in (1e7, -1e7):
            self.set_by += step
            self.now += 1799
            limits.apply()
            self.assertFalse(self.swarm.library.get(A).options.paused)
        self.now += 2
        limits.apply()
        self.assertTrue(self.swarm.library.get(A).options.paused)

    def test_a_resumed_download_is_not_paused_again(self) -> None:
        """Resuming it lifts the limits for it."""
        policy = SeedingPolicy(ratio=1.0)
        self.finished(uploaded=300)
        self.assertTrue(self.is_paused(policy))
        Torrents(self.swarm, self.limits(policy)).resume(A)
        self.assertFalse(self.is_paused(policy))

    def test_shares_and_incomplete_downloads_are_not_paused(self) -> None:
        """The limits are for finished downloads."""
        policy = SeedingPolicy(ratio=1.0, seconds=1.0)
        self.swarm.arrive(A, 300, done=100)
        self.now += 1e6
        self.assertFalse(self.is_paused(policy))
        self.assertFalse(self.swarm.library.get(B).options.paused)

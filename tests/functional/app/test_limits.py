"""The use cases of controlling torrents, on a swarm in memory."""

from __future__ import annotations

import time
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.limits import Control, Rules
from bitween.errors import InvalidValue, NoMetadata, StoreError, UnknownTorrent
from bitween.model.schedule import parse_entry
from bitween.model.torrent import FileEntry, InfoHash, Metainfo, TorrentState
from bitween.model.torrent_options import Limits, Selection
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.swarm import FakeSwarm

A, B, ABSENT = InfoHash("a" * 40), InfoHash("b" * 40), InfoHash("c" * 40)


class ControlCase(SynchronousTestCase):
    """A swarm in which A is a download and B is ours."""

    def setUp(self) -> None:
        """Make both."""
        self.swarm, self.memory = FakeSwarm(), FakeMemory()
        self.now, self.set_by = 1_000_000.0, 0.0
        self.swarm.download(A, "holiday", "/downloads")
        self.swarm.share(Metainfo(B, "ours", 100, b"d4:infodee"), "/files")
        self.control = self.with_rules(Rules())

    def with_rules(self, rules: Rules) -> Control:
        """The use cases, with these settings."""
        return Control(
            self.swarm, self.memory, rules, lambda: self.now + self.set_by, lambda: self.now
        )

    def arrive(self) -> None:
        """Let the list of A's three files be there."""
        self.swarm.arrive(A, 300, done=0)
        torrent = self.swarm.library.get(A)
        files = tuple(FileEntry(name, 100) for name in "xyz")
        self.swarm.library.put(replace(torrent, files=files))

    def selection(self) -> Selection:
        """What is selected of A."""
        return self.swarm.library.get(A).wishes.selection


class WishTests(ControlCase):
    """Single torrents."""

    def test_pausing(self) -> None:
        """A torrent is paused until it is resumed, however often one says so."""
        for _ in range(2):
            torrent = self.successResultOf(self.control.pause(A))
            self.assertIs(torrent.state, TorrentState.PAUSED)
        for _ in range(2):
            torrent = self.successResultOf(self.control.resume(A))
            self.assertIs(torrent.state, TorrentState.METADATA)

    def test_what_is_unknown(self) -> None:
        """Every use case says so."""
        for call in (
            self.control.pause,
            self.control.resume,
            self.control.prefer,
            self.control.files,
            self.control.select,
            self.control.limit,
            self.control.export,
        ):
            with self.assertRaises(UnknownTorrent):
                call(ABSENT)

    def test_preferring(self) -> None:
        """The last one that was preferred is first."""
        self.control.prefer(A)
        self.control.prefer(B)
        ranks = [self.swarm.library.get(info_hash).wishes.rank for info_hash in (A, B)]
        self.assertEqual(ranks, [-1, -2])

    def test_files(self) -> None:
        """They are listed as soon as they are known, with what is wanted of them."""
        self.assertIsNone(self.successResultOf(self.control.files(A)))
        self.arrive()
        self.control.select(A, wanted=[2, 0])
        files = self.successResultOf(self.control.files(A))
        assert files is not None
        self.assertEqual([file.wanted for file in files], [True, False, True])
        self.assertEqual(self.swarm.library.get(A).progress.left, 200)

    def test_selecting(self) -> None:
        """Each thing is changed alone; a number that is named twice counts once."""
        self.arrive()
        self.control.select(A, wanted=[0, 1, 0])
        self.control.select(A, first=[1, 2, 1])
        self.control.select(A, sequential=True)
        self.assertEqual(self.selection(), Selection(frozenset({2}), (1, 2), sequential=True))
        self.control.select(A, wanted=[0, 1, 2], first=[])
        self.assertEqual(self.selection(), Selection(sequential=True))

    def test_selecting_what_is_not_there(self) -> None:
        """Nothing changes, and one is told why."""
        with self.assertRaises(NoMetadata):
            self.control.select(A, wanted=[0])
        self.arrive()
        for wrong in ([3], [-1], list[int]()):
            with self.assertRaises(InvalidValue):
                self.control.select(A, wanted=wrong)
        with self.assertRaises(InvalidValue):
            self.control.select(A, first=[7])
        self.assertEqual(self.selection(), Selection())

    def test_sequential_before_the_list_is_there(self) -> None:
        """The order can be asked for at any time."""
        self.control.select(A, sequential=True)
        self.assertTrue(self.selection().sequential)

    def test_exporting(self) -> None:
        """A magnet link, in which the name is quoted, and the .torrent file if it is there."""
        self.assertEqual(self.control.export(B).torrent_file, b"d4:infodee")
        self.swarm.library.put(replace(self.swarm.library.get(A), name="a & b?/ü"))
        exported = self.control.export(A)
        self.assertIsNone(exported.torrent_file)
        self.assertEqual(exported.magnet, f"magnet:?xt=urn:btih:{A}&dn=a%20%26%20b%3F%2F%C3%BC")


class LimitTests(ControlCase):
    """Limits of all torrents together."""

    def test_those_that_are_chosen(self) -> None:
        """They hold at once and after a restart, until the settings are others."""
        rules = Rules(limits=Limits(10, 20))
        control = self.with_rules(rules)
        self.assertEqual(control.limits.usual, Limits(10, 20))
        control.limit_all(upload=5)
        self.assertEqual(self.swarm.limits, Limits(5, 20))
        again = self.with_rules(rules)
        again.look()
        self.assertEqual((again.limits.usual, self.swarm.limits), (Limits(5, 20), Limits(5, 20)))
        other = self.with_rules(Rules(limits=Limits(10, 30)))
        self.assertEqual(other.limits.usual, Limits(10, 30))

    def test_those_that_cannot_be_kept(self) -> None:
        """They do not hold, either."""
        control = self.with_rules(Rules(limits=Limits(10, 20)))
        self.memory.broken = True
        with self.assertRaises(StoreError):
            control.limit_all(upload=5)
        self.assertEqual((control.limits.usual, self.swarm.limits), (Limits(10, 20), Limits()))
        control.look()
        self.assertEqual(control.limits.usual, Limits(10, 20))

    def test_the_schedule(self) -> None:
        """At its time it has its limits hold; what is chosen meanwhile holds afterwards."""
        self.now = time.mktime((2026, 11, 2, 7, 59, 0, 0, 0, -1))
        control = self.with_rules(
            Rules(Limits(1, 2), schedule=(parse_entry("08:00-09:00 upload=7"),))
        )
        control.look()
        self.assertFalse(control.limits.scheduled)
        self.now += 60
        control.look()
        self.assertEqual((self.swarm.limits, control.limits.scheduled), (Limits(7, 2), True))
        control.limit_all(upload=3, download=4)
        self.assertEqual(self.swarm.limits, Limits(7, 4))
        self.now += 3600
        control.look()
        self.assertEqual(self.swarm.limits, Limits(3, 4))

    def test_one_torrents_own(self) -> None:
        """Each direction is changed alone."""
        self.control.limit(A, upload=5)
        torrent = self.successResultOf(self.control.limit(A, download=6))
        self.assertEqual(torrent.wishes.limits, Limits(5, 6))


class SeedingTests(ControlCase):
    """The rules for an end to seeding."""

    def finished(self, **changes: object) -> None:
        """Let A be a complete download."""
        self.swarm.arrive(A, 300)
        torrent = self.swarm.library.get(A)
        progress = replace(torrent.progress, uploaded=changes.pop("uploaded", 0))  # type: ignore[arg-type]  # a number
        changes = {"completed": self.now, "progress": progress, **changes}
        self.swarm.library.put(replace(torrent, **changes))  # type: ignore[arg-type]  # by field name

    def is_paused(self, rules: Rules) -> bool:
        """Whether the rules pause A now."""
        self.with_rules(rules).look()
        return self.swarm.library.get(A).wishes.paused

    def test_by_ratio(self) -> None:
        """Once it was given away so many times, and not before."""
        self.finished(uploaded=599)
        self.assertFalse(self.is_paused(Rules(seed_ratio=2.0)))
        self.finished(uploaded=600)
        self.assertFalse(self.is_paused(Rules()))
        self.assertTrue(self.is_paused(Rules(seed_ratio=2.0)))

    def test_by_time(self) -> None:
        """Once it was given away for so long, from when it was complete."""
        self.finished()
        rules = Rules(seed_seconds=3600)
        self.now += 3599
        self.assertFalse(self.is_paused(rules))
        self.now += 1
        self.assertTrue(self.is_paused(rules))

    def test_a_clock_that_is_set(self) -> None:
        """Neither a step forward nor one back changes for how long it was given away."""
        self.finished()
        control = self.with_rules(Rules(seed_seconds=3600))
        control.look()
        for step in (1e7, -1e7):
            self.set_by += step
            self.now += 1799
            control.look()
            self.assertFalse(self.swarm.library.get(A).wishes.paused)
        self.now += 2
        control.look()
        self.assertTrue(self.swarm.library.get(A).wishes.paused)

    def test_resuming_nevertheless(self) -> None:
        """What is resumed after that is not paused again."""
        rules = Rules(seed_ratio=1.0)
        self.finished(uploaded=300)
        self.assertTrue(self.is_paused(rules))
        self.with_rules(rules).resume(A)
        self.assertFalse(self.is_paused(rules))

    def test_what_is_ours(self) -> None:
        """What was shared from here, or is not complete, the rules leave alone."""
        rules = Rules(seed_ratio=1.0, seed_seconds=1.0)
        self.swarm.arrive(A, 300, done=100)
        self.now += 1e6
        self.assertFalse(self.is_paused(rules))
        self.assertFalse(self.swarm.library.get(B).wishes.paused)

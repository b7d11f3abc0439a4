"""The use cases of our torrents, on a swarm in memory."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.seeding import SeedingLimits
from bitween.app.torrents import Torrents
from bitween.errors import InvalidValue, NoMetadata, UnknownTorrent
from bitween.model.torrent import FileEntry, InfoHash, Metainfo, TorrentState
from bitween.model.torrent_options import Limits, Selection
from tests.support.fakes.swarm import FakeSwarm

A, B, ABSENT = InfoHash("a" * 40), InfoHash("b" * 40), InfoHash("c" * 40)


class TorrentsTests(SynchronousTestCase):
    """A library in which A is a download and B is shared from here."""

    def setUp(self) -> None:
        """Add both."""
        self.swarm = FakeSwarm()
        self.swarm.download(A, "holiday", "/downloads")
        self.swarm.share(Metainfo(B, "ours", 100, b"d4:infodee"), "/files")
        self.torrents = Torrents(self.swarm, SeedingLimits(self.swarm))

    def arrive(self) -> None:
        """Let the metadata of A arrive, which has three files."""
        self.swarm.arrive(A, 300, done=0)
        torrent = self.swarm.library.get(A)
        files = tuple(FileEntry(name, 100) for name in "xyz")
        self.swarm.library.put(replace(torrent, files=files))

    def selection(self) -> Selection:
        """What is selected of A."""
        return self.swarm.library.get(A).options.selection

    def test_pausing_and_resuming_twice_changes_nothing_further(self) -> None:
        """A paused torrent stays paused until it is resumed."""
        for _ in range(2):
            torrent = self.successResultOf(self.torrents.pause(A))
            self.assertIs(torrent.state, TorrentState.PAUSED)
        for _ in range(2):
            torrent = self.successResultOf(self.torrents.resume(A))
            self.assertIs(torrent.state, TorrentState.METADATA)

    def test_an_unknown_torrent_is_an_error(self) -> None:
        """Each use case raises it."""
        for call in (
            self.torrents.pause,
            self.torrents.resume,
            self.torrents.move_to_top,
            self.torrents.files,
            self.torrents.select,
            self.torrents.limit,
            self.torrents.export,
        ):
            with self.assertRaises(UnknownTorrent):
                call(ABSENT)

    def test_the_torrent_moved_to_the_top_last_is_first(self) -> None:
        """Each gets a lower rank than all others."""
        self.torrents.move_to_top(A)
        self.torrents.move_to_top(B)
        ranks = [self.swarm.library.get(info_hash).options.queue_position for info_hash in (A, B)]
        self.assertEqual(ranks, [-1, -2])

    def test_files_are_listed_with_the_metadata(self) -> None:
        """Without metadata there is no list; each file tells whether it is wanted."""
        self.assertIsNone(self.successResultOf(self.torrents.files(A)))
        self.arrive()
        self.torrents.select(A, wanted=[2, 0])
        files = self.successResultOf(self.torrents.files(A))
        assert files is not None
        self.assertEqual([file.wanted for file in files], [True, False, True])
        self.assertEqual(self.swarm.library.get(A).progress.left, 200)

    def test_selecting_changes_only_what_is_given(self) -> None:
        """A number that is named twice counts once."""
        self.arrive()
        self.torrents.select(A, wanted=[0, 1, 0])
        self.torrents.select(A, first=[1, 2, 1])
        self.torrents.select(A, sequential=True)
        self.assertEqual(self.selection(), Selection(frozenset({2}), (1, 2), sequential=True))
        self.torrents.select(A, wanted=[0, 1, 2], first=[])
        self.assertEqual(self.selection(), Selection(sequential=True))

    def test_an_impossible_selection_is_refused(self) -> None:
        """The selection stays as it was."""
        with self.assertRaises(NoMetadata):
            self.torrents.select(A, wanted=[0])
        self.arrive()
        for wrong in ([3], [-1], list[int]()):
            with self.assertRaises(InvalidValue):
                self.torrents.select(A, wanted=wrong)
        with self.assertRaises(InvalidValue):
            self.torrents.select(A, first=[7])
        self.assertEqual(self.selection(), Selection())

    def test_sequential_order_needs_no_metadata(self) -> None:
        """It can be chosen before the files are known."""
        self.torrents.select(A, sequential=True)
        self.assertTrue(self.selection().sequential)

    def test_an_export_has_a_magnet_link_and_the_torrent_file(self) -> None:
        """The name is quoted in the link; without metadata there is no file."""
        self.assertEqual(self.torrents.export(B).torrent_file, b"d4:infodee")
        self.swarm.library.put(replace(self.swarm.library.get(A), name="a & b?/ü"))
        exported = self.torrents.export(A)
        self.assertIsNone(exported.torrent_file)
        self.assertEqual(exported.magnet, f"magnet:?xt=urn:btih:{A}&dn=a%20%26%20b%3F%2F%C3%BC")

    def test_limiting_one_direction_leaves_the_other(self) -> None:
        """Each direction of a torrent has a limit of its own."""
        self.torrents.limit(A, upload=5)
        torrent = self.successResultOf(self.torrents.limit(A, download=6))
        self.assertEqual(torrent.options.limits, Limits(5, 6))

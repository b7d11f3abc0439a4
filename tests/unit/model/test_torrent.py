"""Torrents at one moment, and their options."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.torrent import FileEntry, InfoHash, Progress, Torrent, TorrentState
from bitween.model.torrent_options import Limits, TorrentOptions
from bitween.model.traffic import Traffic

FETCHING = Torrent(InfoHash("ab" * 20), "film", "/srv", TorrentState.METADATA)
FILES = (FileEntry("film", 10),)


class TorrentTests(SynchronousTestCase):
    """What follows from the fields of a torrent."""

    def test_a_torrent_fetches_in_two_states(self) -> None:
        """Unless something is wrong."""
        fetching = {state for state in TorrentState if replace(FETCHING, state=state).is_fetching}
        self.assertEqual(fetching, {TorrentState.METADATA, TorrentState.DOWNLOADING})
        self.assertFalse(replace(FETCHING, error="disk full").is_fetching)

    def test_a_torrent_that_fetches_waits_for_a_peer(self) -> None:
        """Until one is connected."""
        self.assertTrue(FETCHING.is_waiting)
        self.assertFalse(replace(FETCHING, progress=Progress(peers=1)).is_waiting)
        self.assertFalse(replace(FETCHING, state=TorrentState.SEEDING).is_waiting)

    def test_a_torrent_with_content_is_announceable(self) -> None:
        """An empty file is complete without a byte."""
        seeding = replace(FETCHING, state=TorrentState.SEEDING, files=FILES)
        self.assertFalse(seeding.announceable)
        self.assertTrue(replace(seeding, complete=True).announceable)
        self.assertTrue(replace(seeding, progress=Progress(done=1)).announceable)
        self.assertFalse(replace(seeding, complete=True, files=None).announceable)
        self.assertFalse(replace(seeding, complete=True, error="gone").announceable)
        for state in (TorrentState.PAUSED, TorrentState.QUEUED):
            self.assertFalse(replace(seeding, complete=True, state=state).announceable)

    def test_a_torrent_is_a_download_unless_it_was_made_here(self) -> None:
        """The files of a share are the user's own."""
        self.assertFalse(FETCHING.shared)

    def test_the_time_left_needs_a_rate_and_a_peer(self) -> None:
        """And something that is left."""
        progress = Progress(left=10, download_rate=1, peers=1)
        self.assertEqual((progress.eta, replace(progress, left=1).eta), (10.0, 1.0))
        for unknown in (
            replace(progress, left=0),
            replace(progress, download_rate=0),
            replace(progress, peers=0),
        ):
            self.assertIsNone(unknown.eta)


class OptionsTests(SynchronousTestCase):
    """Options and their changes."""

    def test_a_torrent_without_options_runs_within_the_limits(self) -> None:
        """In any order of pieces."""
        options = TorrentOptions()
        chosen = (options.paused, options.ignore_seed_limits, options.selection.sequential)
        self.assertEqual(chosen, (False, False, False))

    def test_only_what_changed_is_applied(self) -> None:
        """Two clients may change different options at once."""
        before = TorrentOptions(paused=True, limits=Limits(1, 2))
        after = TorrentOptions(paused=True, limits=Limits(3, 4))
        now = TorrentOptions(paused=False, limits=Limits(1, 2), queue_position=5)
        self.assertEqual(
            now.changed(before, after),
            TorrentOptions(paused=False, limits=Limits(3, 4), queue_position=5),
        )


class TrafficTests(SynchronousTestCase):
    """Sums of traffic."""

    def test_directions_are_added_apart(self) -> None:
        """Each to itself."""
        self.assertEqual(Traffic(1, 20) + Traffic(3, 40), Traffic(4, 60))

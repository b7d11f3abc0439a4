"""Our own torrents and the share list that follows from them."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue, UnknownTorrent
from bitween.model.access import PRIVATE
from bitween.model.library import Library
from bitween.model.torrent import (
    FileEntry,
    InfoHash,
    Progress,
    Torrent,
    TorrentState,
    parse_info_hash,
)
from bitween.model.torrent_options import TorrentOptions

HASH = InfoHash("ab" * 20)
FETCHING = Torrent(HASH, "holiday", "/srv", TorrentState.METADATA)
HALF = replace(
    FETCHING,
    state=TorrentState.DOWNLOADING,
    progress=Progress(done=5, total=10, download_rate=5, left=5, peers=1),
    files=(FileEntry("holiday/a", 10),),
)


class LibraryTests(SynchronousTestCase):
    """What is announced of what we have."""

    def test_only_what_others_could_get_is_announced(self) -> None:
        """A download is announced from its first byte on, and not while something is wrong."""
        library = Library()
        self.assertFalse(library.put(FETCHING))
        self.assertEqual(dict(library.shares), {})
        self.assertTrue(library.put(HALF))
        self.assertEqual(library.shares[HASH].size, 10)
        self.assertFalse(library.put(replace(HALF, progress=Progress(done=6, total=10))))
        self.assertTrue(library.put(replace(HALF, error="disk full")))
        self.assertEqual(dict(library.shares), {})
        for state in (TorrentState.PAUSED, TorrentState.QUEUED):
            self.assertTrue(library.put(HALF))
            self.assertTrue(library.put(replace(HALF, state=state)))
            self.assertEqual(dict(library.shares), {})

    def test_a_restricted_share_is_kept_apart(self) -> None:
        """It moves from one list to the other with the audience, and leaves both when removed."""
        library = Library()
        library.put(HALF)
        private = replace(HALF, options=TorrentOptions(access=PRIVATE))
        self.assertTrue(library.put(private))
        self.assertEqual((list(library.shares), list(library.restricted)), ([], [HASH]))
        self.assertFalse(library.put(private))
        self.assertTrue(library.put(HALF))
        self.assertEqual((list(library.shares), list(library.restricted)), ([HASH], []))
        library.put(private)
        self.assertTrue(library.put(replace(private, error="disk full")))
        library.put(private)
        self.assertTrue(library.remove(HASH))
        self.assertEqual((list(library.shares), list(library.restricted)), ([], []))

    def test_a_library_holds_each_torrent_once(self) -> None:
        """A later state replaces the earlier one."""
        library = Library()
        self.assertNotIn(HASH, library)
        library.put(FETCHING)
        library.put(HALF)
        self.assertIn(HASH, library)
        self.assertEqual((len(library), list(library), library.get(HASH)), (1, [HALF], HALF))

    def test_a_removed_torrent_is_withdrawn(self) -> None:
        """A torrent that was announced is withdrawn; an unknown one is an error."""
        library = Library()
        library.put(HALF)
        self.assertTrue(library.remove(HASH))
        with self.assertRaises(UnknownTorrent):
            library.remove(HASH)
        with self.assertRaises(UnknownTorrent):
            library.get(HASH)

    def test_fraction_and_time_left_are_known_or_none(self) -> None:
        """Fraction and time left are told where they can be told."""
        self.assertEqual((HALF.progress.fraction, HALF.progress.eta), (0.5, 1.0))
        self.assertIsNone(replace(HALF.progress, peers=0).eta)
        some = replace(HALF.progress, left=15)
        self.assertEqual((some.wanted, some.fraction, some.eta), (20, 0.25, 3.0))
        self.assertEqual((FETCHING.progress.fraction, FETCHING.progress.eta), (0.0, None))

    def test_an_info_hash_is_40_hexadecimal_digits(self) -> None:
        """40 hexadecimal digits in any case, and nothing else."""
        self.assertEqual(parse_info_hash("AB" * 20), HASH)
        for text in ("", "ab" * 19, "ab" * 21, "zz" * 20, "٣" * 40, None, 7, "ab" * 20 + "\n"):
            with self.assertRaises(InvalidValue):
                parse_info_hash(text)

    def test_a_refused_text_is_cut_in_the_error(self) -> None:
        """It may be as long as a request."""
        error = self.assertRaises(InvalidValue, parse_info_hash, "x" * 100)
        self.assertTrue(str(error).startswith(f"'{'x' * 59} is not"), error)

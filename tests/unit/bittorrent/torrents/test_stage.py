"""The stages of a torrent: each transition, and what is refused."""

from __future__ import annotations

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.stage import Input, Stage, next_stage
from bitween.model.torrent import InfoHash
from bitween.storage.torrent_record import TorrentRecord

# A row has an input, and where it leads from each stage; a dash is refused.
_STAGES = {
    "U": Stage.UNLOADED,
    "M": Stage.MEASURING,
    "L": Stage.LOADING,
    "LU": Stage.LOADING_UNVERIFIED,
    "V": Stage.VERIFYING,
    "A": Stage.ACTIVE,
    "F": Stage.FINISHED,
}
_TABLE = """
                 U   M   L   LU  V   A   F
LOAD             L   L   L   L   L   L   L
LOAD_UNVERIFIED  LU  LU  LU  LU  LU  LU  LU
UNLOAD           U   U   U   U   U   U   U
MEASURE          M   M   M   M   M   M   M
ADDED            -   -   A   V   V   A   F
ADD_FAILED       U   -   U   U   U   U   U
VERIFIED         -   -   -   -   A   -   -
FAIL             U   U   L   L   A   A   F
FINISH           -   -   -   -   -   F   F
COMPLETE         -   -   -   -   -   A   A
FETCH_MORE       U   M   L   LU  V   A   A
"""


class TransitionTests(SynchronousTestCase):
    """The table."""

    def test_every_transition(self) -> None:
        """Each input leads from each stage to the expected one, or is refused."""
        tried = set()
        columns, *rows = (row.split() for row in _TABLE.strip().splitlines())
        for name, *targets in rows:
            for column, target in zip(columns, targets, strict=True):
                stage, given = _STAGES[column], Input[name]
                self.assertIs(next_stage(stage, given), _STAGES.get(target), f"{stage} {given}")
                tried.add((stage, given))
        self.assertEqual(tried, {(stage, given) for stage in Stage for given in Input})


class StepTests(SynchronousTestCase):
    """A torrent goes by the table."""

    def setUp(self) -> None:
        """Begin with a new download."""
        record = TorrentRecord(
            InfoHash("ab" * 20), "film", "/downloads", None, 0.0, False, False, None
        )
        self.torrent = ManagedTorrent(record)

    def test_the_way_of_a_download(self) -> None:
        """It is loaded, fetched, finished, and with more files chosen completed."""
        stages = []
        for given in (Input.LOAD, Input.ADDED, Input.FINISH, Input.FETCH_MORE, Input.COMPLETE):
            self.torrent.step(given)
            stages.append(self.torrent.stage)
        self.assertEqual(
            stages, [Stage.LOADING, Stage.ACTIVE, Stage.FINISHED, Stage.ACTIVE, Stage.ACTIVE]
        )
        self.assertTrue(self.torrent.loaded)

    def test_the_way_of_a_check(self) -> None:
        """A download to be verified is unverified until libtorrent has compared its files."""
        for given in (Input.MEASURE, Input.LOAD_UNVERIFIED, Input.ADDED):
            self.torrent.step(given)
            self.assertTrue(self.torrent.verifying)
        self.torrent.step(Input.VERIFIED)
        self.assertFalse(self.torrent.verifying)

    def test_an_input_that_is_not_allowed(self) -> None:
        """It is logged, and changes nothing."""
        with capturedLogs() as logs:
            self.torrent.step(Input.FINISH)
        self.assertIs(self.torrent.stage, Stage.UNLOADED)
        self.assertEqual([event["log_level"].name for event in logs], ["error"])

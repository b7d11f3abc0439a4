"""Jobs at one moment."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BadPath, HashingFailed
from bitween.model.job import Added, Job, JobState
from bitween.model.torrent import InfoHash

RUNNING = Job("1", "add", "/srv/film", JobState.RUNNING, done=20, total=100, rate=8.0)


class JobTests(SynchronousTestCase):
    """What follows from the fields of a job."""

    def test_three_states_are_final(self) -> None:
        """A queued or running job goes on."""
        ended = {state for state in JobState if state.ended}
        self.assertEqual(ended, {JobState.DONE, JobState.FAILED, JobState.CANCELLED})

    def test_the_time_left_follows_from_the_rate(self) -> None:
        """It is never negative, and unknown without size or rate, or while nothing runs."""
        self.assertEqual(RUNNING.eta, 10.0)
        for job, eta in (
            (Job("1", "add", "x", JobState.RUNNING, done=101, total=100, rate=8.0), 0.0),
            (Job("1", "add", "x", JobState.RUNNING, done=20, rate=8.0), None),
            (Job("1", "add", "x", JobState.RUNNING, done=20, total=100), None),
            (Job("1", "add", "x", JobState.RUNNING, done=20, total=100, rate=0.0), None),
            (Job("1", "add", "x", JobState.QUEUED, done=20, total=100, rate=8.0), None),
        ):
            self.assertEqual(job.eta, eta)

    def test_the_outcome_is_the_result_or_the_reason(self) -> None:
        """A cancelled job has neither, and says so."""
        added = Added(InfoHash("ab" * 20), "film", 100)
        self.assertIs(Job("1", "add", "x", JobState.DONE, result=added).outcome(), added)
        failed = Job("1", "add", "x", JobState.FAILED, error=BadPath("it is gone"))
        self.assertRaises(BadPath, failed.outcome)
        cancelled = Job("1", "add", "/srv/film", JobState.CANCELLED)
        error = self.assertRaises(HashingFailed, cancelled.outcome)
        self.assertIn("'/srv/film' was cancelled", str(error))

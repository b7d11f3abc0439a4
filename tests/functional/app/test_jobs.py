"""The jobs."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.jobs import KEPT, Jobs
from bitween.errors import HashingFailed, UnknownJob
from bitween.model.job import Added, Job, JobState
from bitween.model.torrent import InfoHash

ADDED = Added(InfoHash("ab" * 20), "film.mkv", 100)


class JobsTests(SynchronousTestCase):
    """The life of jobs."""

    def setUp(self) -> None:
        """Make the register, and follow its changes."""
        self.clock = Clock()
        self.jobs = Jobs(self.clock)
        self.seen: list[JobState] = []
        self.jobs.changes.subscribe(lambda job: self.seen.append(job.state))
        self.report: Callable[[int, int], None] = self.no_report
        self.work: Deferred[Added] = Deferred()

    def no_report(self, done: int, total: int) -> None:
        """Fail: no job was started yet."""
        raise AssertionError(done, total)

    def start(self) -> Job:
        """Begin a job whose course the test decides."""

        def work(report: Callable[[int, int], None]) -> Deferred[Added]:
            self.report, self.work = report, Deferred()
            return self.work

        return self.jobs.start("add", "/film.mkv", work)

    def test_rate_and_time_left_follow_from_reports(self) -> None:
        """Bytes, rate and time left follow from the reports."""
        job = self.start()
        self.assertEqual(job.state, JobState.QUEUED)
        self.report(0, 100)
        self.clock.advance(2)
        self.report(40, 100)
        job = self.jobs.get(job.id)
        self.assertEqual((job.state, job.done, job.total), (JobState.RUNNING, 40, 100))
        self.assertEqual((job.rate, job.eta), (20, 3))

    def test_a_finished_job_keeps_its_result(self) -> None:
        """A job that is done keeps its result; late reports change nothing."""
        job = self.start()
        waiting = self.jobs.ended(job.id)
        self.work.callback(ADDED)
        self.report(1, 2)
        self.assertEqual(self.successResultOf(waiting).result, ADDED)
        self.assertEqual(self.successResultOf(self.jobs.ended(job.id)).done, 100)
        self.assertEqual(self.seen, [JobState.QUEUED, JobState.DONE])

    def test_unexpected_errors_are_reported_without_details(self) -> None:
        """The job has our own errors; of others, only that there was one."""
        job = self.start()
        self.work.errback(HashingFailed("it changed"))
        self.assertEqual(str(self.jobs.get(job.id).error), "it changed")
        job = self.start()
        self.work.errback(RuntimeError("/secret/path"))
        self.assertNotIn("/secret", str(self.jobs.get(job.id).error))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_running_job_can_be_cancelled(self) -> None:
        """A job can be cancelled while it runs; afterwards that changes nothing."""
        job = self.start()
        self.assertEqual(self.jobs.cancel(job.id).state, JobState.CANCELLED)
        job = self.start()
        self.work.callback(ADDED)
        self.assertEqual(self.jobs.cancel(job.id).state, JobState.DONE)
        self.start()
        self.jobs.cancel_all()
        self.assertEqual({j.state.ended for j in self.jobs.all()}, {True})

    def test_who_waits_may_go(self) -> None:
        """Cancelling the wait does not cancel the job."""
        job = self.start()
        waiting = self.jobs.ended(job.id)
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        self.work.callback(ADDED)
        self.assertEqual(self.jobs.get(job.id).state, JobState.DONE)

    def test_old_ones_are_forgotten(self) -> None:
        """Only the last ended jobs can be asked for."""
        first = self.start()
        self.work.callback(ADDED)
        for _ in range(KEPT):
            self.start()
            self.work.callback(ADDED)
        with self.assertRaises(UnknownJob):
            self.jobs.get(first.id)
        self.assertEqual(len(self.jobs.all()), KEPT)

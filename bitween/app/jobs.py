"""Jobs: work that takes a while, with progress, result and cancellation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError, UnknownJob
from bitween.model.job import Added, Job, JobState, ReportProgress
from bitween.util.observable import Observable

#: How many ended jobs are remembered.
KEPT = 200


class Jobs:
    """
    Starts jobs, follows their progress, and remembers the last ones that ended.

    :ivar changes: hands out each new state of each job.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, Deferred[Added]] = {}
        self._waiting: dict[str, list[Deferred[Job]]] = {}
        self._started: dict[str, float] = {}
        self._last_id = 0
        self.changes: Observable[Job] = Observable()

    def start(
        self, kind: str, subject: str, work: Callable[[ReportProgress], Deferred[Added]]
    ) -> Job:
        """
        Start a job.

        :param kind: see :class:`Job`.
        :param subject: see :class:`Job`.
        :param work: called at once with a function that takes reports of progress; the job ends
            with its Deferred, and cancelling the job cancels that.
        :returns: the job after the call of ``work``.
        """
        self._last_id += 1
        job_id = str(self._last_id)
        self._put(Job(job_id, kind, subject))
        running = work(lambda done, total: self._progressed(job_id, done, total))
        self._running[job_id] = running
        running.addCallbacks(
            lambda result: self._done(job_id, result), lambda failure: self._failed(job_id, failure)
        )
        running.addErrback(lambda failure: self._log.failure("ending job {id}", failure, id=job_id))
        return self._jobs[job_id]

    def get(self, job_id: str) -> Job:
        """
        Look up a job.

        :raises UnknownJob: if there is no such job, or it ended too long ago.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(f"there is no job {job_id!r}") from None

    def all(self) -> list[Job]:
        """List the jobs that run and the last ones that ended, oldest first."""
        return list(self._jobs.values())

    def ended(self, job_id: str) -> Deferred[Job]:
        """
        Wait for the end of a job: done, failed or cancelled.

        Cancelling the Deferred ends the waiting, not the job.

        :returns: the job after its end.
        :raises UnknownJob: if there is no such job, or it ended too long ago.
        """
        job = self.get(job_id)
        waiting: Deferred[Job] = Deferred()
        if job.state.ended:
            waiting.callback(job)
        else:
            self._waiting.setdefault(job_id, []).append(waiting)
        return waiting

    def cancel(self, job_id: str) -> Job:
        """
        Cancel a job; one that has ended stays as it is.

        :raises UnknownJob: if there is no such job, or it ended too long ago.
        """
        self.get(job_id)
        running = self._running.get(job_id)
        if running is not None:
            running.cancel()
        return self.get(job_id)

    def cancel_all(self) -> None:
        """Cancel all jobs that run."""
        for job_id in list(self._running):
            self.cancel(job_id)

    def _progressed(self, job_id: str, done: int, total: int) -> None:
        job = self._jobs[job_id]
        if job.state.ended:
            return
        now = self._clock.seconds()
        elapsed = now - self._started.setdefault(job_id, now)
        rate = done / elapsed if elapsed > 0 else None
        self._put(replace(job, state=JobState.RUNNING, done=done, total=total, rate=rate))

    def _done(self, job_id: str, result: Added) -> None:
        size = result.total_size
        self._end(job_id, state=JobState.DONE, result=result, done=size, total=size)

    def _failed(self, job_id: str, failure: Failure) -> None:
        if failure.check(CancelledError):
            self._end(job_id, state=JobState.CANCELLED)
            return
        error = failure.value
        if not isinstance(error, BitweenError):
            self._log.failure("job {id} failed", failure, id=job_id)
            error = BitweenError("Internal error", "the daemon's log says more")
        self._end(job_id, state=JobState.FAILED, error=error)

    def _end(self, job_id: str, **changes: object) -> None:
        self._running.pop(job_id, None)
        self._started.pop(job_id, None)
        self._put(replace(self._jobs[job_id], **changes))  # type: ignore[arg-type]  # by field name
        for waiting in self._waiting.pop(job_id, []):
            if not waiting.called:
                waiting.callback(self._jobs[job_id])
        ended = [key for key, job in self._jobs.items() if job.state.ended]
        for key in ended[:-KEPT]:
            del self._jobs[key]

    def _put(self, job: Job) -> None:
        self._jobs[job.id] = job
        self.changes.notify(job)

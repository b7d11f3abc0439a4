"""``jobs.``: long tasks."""

from __future__ import annotations

from bitween.api.results.encoding import jobs as encoding
from bitween.api.results.shapes import jobs as shapes
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Name
from bitween.app.application import Bitween


class JobMethods(Namespace):
    """``jobs.``: long tasks, such as hashing."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._jobs = application.jobs

    @reads
    def jsonrpc_get(self, job: Name) -> shapes.Job:
        """
        Show the progress of a job.

        :param job: the job's id.
        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.get(job))

    @reads
    def jsonrpc_list(self) -> shapes.Jobs:
        """List the jobs that run, and the last ones that ended; oldest first."""
        return {"jobs": [encoding.job(job) for job in self._jobs.all()]}

    def jsonrpc_cancel(self, job: Name) -> shapes.Job:
        """
        Cancel a job; has no effect on a job that has ended.

        :param job: the job's id.
        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.cancel(job))

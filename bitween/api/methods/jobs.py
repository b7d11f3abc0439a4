"""``jobs.``: things that take a while."""

from __future__ import annotations

from bitween.api.results.encoding import jobs as encoding
from bitween.api.results.shapes import jobs as shapes
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Name
from bitween.app.application import Bitween


class JobMethods(Namespace):
    """``jobs.``: things that take a while."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._jobs = application.jobs

    @reads
    def jsonrpc_get(self, job: Name) -> shapes.Job:
        """
        How far a job is.

        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.get(job))

    @reads
    def jsonrpc_list(self) -> shapes.Jobs:
        """Every job that runs, and the last ones that ended; oldest first."""
        return {"jobs": [encoding.job(job) for job in self._jobs.all()]}

    def jsonrpc_cancel(self, job: Name) -> shapes.Job:
        """
        Cancel a job; one that has ended stays as it is.

        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.cancel(job))

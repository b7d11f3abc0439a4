"""Results of ``jobs.``."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Error
from bitween.api.results.shapes.sharing import Added
from bitween.model.job import JobState


class Job(TypedDict):
    """A long task."""

    job: str
    kind: Annotated[str, "add: a path is being hashed"]
    subject: Annotated[str, "what the job works on, such as the path"]
    state: Annotated[str, JobState]
    done: Annotated[int, "bytes processed"]
    total: Annotated[int | None, "bytes to process"]
    rate: Annotated[float | None, "bytes/s"]
    eta: Annotated[float | None, "seconds left"]
    result: Added | None
    error: Error | None


class Jobs(TypedDict):
    """The jobs that run, and the last ones that ended."""

    jobs: Annotated[list[Job], "oldest first"]

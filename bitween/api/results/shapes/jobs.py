"""Results of ``jobs.``."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Error
from bitween.api.results.shapes.sharing import Added
from bitween.model.job import JobState


class Job(TypedDict):
    """Something that takes a while."""

    job: str
    kind: Annotated[str, "add: a path is being hashed"]
    subject: Annotated[str, "what it works on, e.g. the path"]
    state: Annotated[str, JobState]
    done: Annotated[int, "bytes worked through"]
    total: Annotated[int | None, "bytes to work through"]
    rate: Annotated[float | None, "bytes/s"]
    eta: Annotated[float | None, "seconds left"]
    result: Added | None
    error: Error | None


class Jobs(TypedDict):
    """Every job that runs, and the last ones that ended."""

    jobs: Annotated[list[Job], "oldest first"]

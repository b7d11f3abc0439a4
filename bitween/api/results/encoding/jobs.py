"""Jobs as JSON."""

from __future__ import annotations

from typing import cast

from bitween.api.results.encoding.sharing import added
from bitween.api.results.faults import error_object
from bitween.api.results.shapes import jobs as shapes
from bitween.api.results.shapes.common import Error
from bitween.model.job import Job


def job(job: Job) -> shapes.Job:
    """``jobs.get``."""
    return {
        "job": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "state": job.state.value,
        "done": job.done,
        "total": job.total,
        "rate": job.rate,
        "eta": job.eta,
        "result": added(job.result) if job.result is not None else None,
        "error": cast("Error", error_object(job.error)) if job.error else None,
    }

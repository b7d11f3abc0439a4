"""Jobs: work that takes a while, as it is at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bitween.errors import BitweenError, HashingFailed
from bitween.model.skipped_files import NOTHING_LEFT_OUT, LeftOut
from bitween.model.text import visible_path
from bitween.model.torrent import InfoHash

#: A job calls this with the bytes done and the bytes in all.
ReportProgress = Callable[[int, int], None]


class JobState(StrEnum):
    """The states of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding a path."""

    info_hash: InfoHash
    name: str
    total_size: int
    left_out: LeftOut = NOTHING_LEFT_OUT


@dataclass(frozen=True, slots=True)
class Job:
    """
    A job at one moment.

    :param id: unique for the life of the daemon.
    :param kind: ``add`` for hashing a path.
    :param subject: what it works on, e.g. the path.
    :param done: bytes done.
    :param total: bytes in all, ``None`` while unknown.
    :param rate: bytes/s.
    :param error: why it failed; ``None`` if it did not.
    """

    id: str
    kind: str
    subject: str
    state: JobState = JobState.QUEUED
    done: int = 0
    total: int | None = None
    rate: float | None = None
    result: Added | None = None
    error: BitweenError | None = None

    @property
    def eta(self) -> float | None:
        """Seconds left; ``None`` if unknown."""
        if self.state is not JobState.RUNNING or self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate

    def outcome(self) -> Added:
        """
        The result of a job that has ended.

        :raises BitweenError: why it has none.
        """
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise cancellation(self.subject)
        return self.result


def cancellation(subject: str) -> HashingFailed:
    """The error of a cancelled job."""
    return HashingFailed.of("hashing_failed.cancelled", path=visible_path(subject))

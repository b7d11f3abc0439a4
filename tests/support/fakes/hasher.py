"""A hasher without a process: :class:`bitween.app.ports.HasherPort`."""

from __future__ import annotations

from typing import NamedTuple

from twisted.internet.defer import Deferred, fail, succeed

from bitween.errors import BitweenError
from bitween.model.job import ReportProgress
from bitween.model.torrent import Metainfo
from tests.support.metainfo import metainfo


class Hashing(NamedTuple):
    """
    A path that is being hashed.

    :param report: takes the bytes done and the bytes in all.
    :param answer: fires with the outcome that the test chooses.
    """

    report: ReportProgress
    answer: Deferred[Metainfo]


class FakeHasher:
    """
    Waits for the test to say what comes of each path.

    :ivar running: what is being hashed, by path.
    :ivar hash_at_once: what comes of every path at once; ``None`` to wait for the test.
    :ivar strict: for each path that was to be hashed, whether as a whole or not at all.
    """

    def __init__(self) -> None:
        self.running: dict[str, Hashing] = {}
        self.hash_at_once: Metainfo | Exception | None = None
        self.strict: list[bool] = []
        self._strict: dict[str, bool] = {}

    def hash_path(
        self, path: str, report: ReportProgress, strict: bool = False
    ) -> Deferred[Metainfo]:
        """Wait for the test."""
        self.strict.append(strict)
        self._strict[path] = strict
        if isinstance(self.hash_at_once, Exception):
            return fail(self.hash_at_once)
        if self.hash_at_once is not None:
            return succeed(self.hash_at_once)
        answer: Deferred[Metainfo] = Deferred()
        self.running[path] = Hashing(report, answer)
        return answer

    def finish(self, path: str) -> None:
        """Hash a path that is being hashed here and now, as the real one would."""
        hashing = self.running.pop(path)
        if hashing.answer.called:
            return
        try:
            info = metainfo(path, self._strict[path])
        except BitweenError as error:
            hashing.answer.errback(error)
            return
        hashing.report(0, info.total_size)
        hashing.answer.callback(info)

"""Deletes the files of a torrent in a child process."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.python.failure import Failure

from bitween.errors import DeletionFailed
from bitween.files import json_process
from bitween.files.deletion.worker import Order, Outcome
from bitween.files.json_process import JsonProcess
from bitween.model.deletion import Deletion
from bitween.model.text import visible_path
from bitween.util.cooperate import result_in_slices
from bitween.util.own_code import OwnCode

_WORKER = "bitween.files.deletion.worker"
_CODE = OwnCode(_WORKER)


def check_code() -> None:
    """
    Check that the child process would understand an order.

    :raises DeletionFailed: if it would not.
    """
    if _CODE.is_updated:
        raise DeletionFailed.of("deletion_failed.updated")


async def delete_files(reactor: Any, order: Order) -> Deletion:
    """
    Delete files in a child process, or count them.

    :param reactor: has the time, and starts the process.
    :raises DeletionFailed: if some files could not be deleted; the others are deleted.
    """
    process = _Deletion(await result_in_slices(reactor, encoding(order)))
    check_code()
    kept = ("HOME", "XDG_DATA_HOME")
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    try:
        json_process.start(reactor, process, _WORKER, environ=environ)
    except OSError as error:
        raise DeletionFailed.of("deletion_failed.no_process", why=str(error.strerror)) from None
    outcome = await process.outcome
    if outcome.failed:
        raise DeletionFailed.of(
            "deletion_failed.some" if outcome.files else "deletion_failed.all",
            failed=outcome.failed,
            total=outcome.failed + outcome.files,
            why=outcome.error,
            path=visible_path(order.folder),
        )
    return Deletion(outcome.files, outcome.size, outcome.trash, outcome.kept)


class _Deletion(JsonProcess):
    """
    The child process, which gets one order and gives one answer.

    :ivar outcome: fires when the process has ended.
    """

    work = "deleting"

    def __init__(self, order: bytes) -> None:
        super().__init__()
        self._order = order
        self._answer: Outcome | None = None
        self.outcome: Deferred[Outcome] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._order)
        self.transport.closeStdin()

    def answered(self, message: dict[str, Any]) -> None:
        self._answer = Outcome(**message)

    def ended(self, reason: Failure) -> None:
        if reason.check(ProcessDone) and self._answer is not None:
            self.outcome.callback(self._answer)
        else:
            self.outcome.errback(self._error(reason.value))

    def _error(self, ending: BaseException | None) -> DeletionFailed:
        """Say why the process has ended without an answer."""
        if isinstance(ending, ProcessTerminated) and ending.signal:
            return DeletionFailed.of("deletion_failed.killed", signal=str(ending.signal))
        return DeletionFailed.of("deletion_failed.broke_off", why=self.complaint)


def encoding(order: Order) -> Generator[None, None, bytes]:
    """
    Write an order as the child reads it, one line a step.

    :returns: lines of JSON in ASCII, which :func:`bitween.files.deletion.worker.decoded` reads.
    """
    lines = [json.dumps(order.heading)]
    for path in (*order.files, *order.others):
        lines.append(json.dumps(path))
        yield
    return "\n".join(lines).encode("ascii")

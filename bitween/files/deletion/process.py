"""The process that deletes files, seen from the daemon."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure

from bitween.errors import DeletionFailed
from bitween.files.deletion.worker import Order, Outcome
from bitween.model.deletion import Deletion
from bitween.model.text import printable
from bitween.util.cooperate import result_in_slices
from bitween.util.own_code import UPDATED, WHAT_TO_DO, OwnCode

_WORKER = "bitween.files.deletion.worker"
_CODE = OwnCode(_WORKER)


def check_code() -> None:
    """
    See that the child process would understand an order.

    :raises DeletionFailed: if it would not.
    """
    if _CODE.is_updated:
        raise DeletionFailed(f"the files cannot be deleted: {UPDATED}", WHAT_TO_DO)


async def carry_out(reactor: Any, order: Order) -> Deletion:
    """
    Delete files in a child process, or count them.

    :param reactor: starts the process.
    :raises DeletionFailed: if some could not be deleted; the others are.
    """
    standard_input = await result_in_slices(reactor, encoding(order))
    check_code()
    environ = {name: os.environ[name] for name in ("HOME", "XDG_DATA_HOME") if name in os.environ}
    try:
        ending = getProcessOutputAndValue(
            sys.executable,
            ["-P", "-X", "utf8", "-m", _WORKER],
            env={**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            path="/",
            reactor=reactor,
            stdinBytes=standard_input,
        )
        out, complaint, status = await ending.addErrback(_killed)
    except OSError as error:
        raise DeletionFailed(f"no process can be started: {error.strerror}", "try again") from None
    if status:
        said = printable(complaint.decode(errors="replace").strip().rpartition("\n")[2], 500)
        raise DeletionFailed(f"the files could not be deleted: {said}", "delete them by hand")
    outcome = Outcome(**json.loads(out))
    if outcome.failed:
        count = f"{outcome.failed} of {outcome.failed + outcome.files} files"
        raise DeletionFailed(
            f"{count} could not be deleted, the first one being {outcome.error}"
            if outcome.files
            else f"the files could not be deleted: {outcome.error}",
            f"delete what is left in {order.folder!r} by hand",
        )
    return Deletion(outcome.files, outcome.size, outcome.trash, outcome.kept)


def _killed(failure: Failure) -> Failure:
    """
    Say by which signal the process has ended.

    Twisted tells that as a tuple in place of an exception, which cannot be awaited.

    :raises DeletionFailed: if a signal has ended it.
    """
    value: object = failure.value
    if isinstance(value, tuple):
        raise DeletionFailed(
            f"the process that deletes files was killed (signal {value[2]})",
            "delete what is left by hand",
        )
    return failure


def encoding(order: Order) -> Generator[None, None, bytes]:
    """Write an order as the child reads it, one line a step."""
    lines = [json.dumps(order.heading)]
    for path in (*order.files, *order.others):
        lines.append(json.dumps(path))
        yield
    return "\n".join(lines).encode("ascii")

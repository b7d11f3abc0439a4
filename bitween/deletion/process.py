"""The process that deletes files, seen from the daemon."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from bitween.deletion.worker import Order, Outcome
from bitween.errors import DeletionFailed
from bitween.model.deletion import Deletion
from bitween.model.text import printable
from bitween.own_code import UPDATED, WHAT_TO_DO, OwnCode
from bitween.slices import result_in_slices

_WORKER = "bitween.deletion.worker"
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
    check_code()
    environ = {name: os.environ[name] for name in ("HOME", "XDG_DATA_HOME") if name in os.environ}
    try:
        out, complaint, status = await getProcessOutputAndValue(
            sys.executable,
            ["-P", "-X", "utf8", "-m", _WORKER],
            env={**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            path="/",
            reactor=reactor,
            stdinBytes=await result_in_slices(reactor, encoding(order)),
        )
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


def encoding(order: Order) -> Generator[None, None, bytes]:
    """Write an order as the child reads it, one line a step."""
    lines = [json.dumps(order.heading)]
    for path in (*order.files, *order.others):
        lines.append(json.dumps(path))
        yield
    return "\n".join(lines).encode("ascii")

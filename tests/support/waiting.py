"""Waiting for conditions, with failures that say what did not come about."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

T = TypeVar("T")

#: Seconds after which a wait fails: shorter than trial's own timeout, which names no condition.
PATIENCE = 100.0
_POLL_INTERVAL = 0.01


def described(condition: Callable[..., object]) -> str:
    """The source of a condition, on one line."""
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)


def in_time(waiting: Deferred[T], what: str, patience: float = PATIENCE) -> Deferred[T]:
    """
    Let a wait fail with its description instead of going on for ever.

    :param what: what is awaited.
    :param patience: seconds.
    """

    def timed_out(_: T | Failure, seconds: float) -> T:
        raise AssertionError(f"not within {seconds:g} s: {what}")

    return waiting.addTimeout(patience, cast(Any, reactor), timed_out)


def reactor_turn() -> Deferred[None]:
    """Let the reactor handle the events that are due."""
    return deferLater(cast(Any, reactor), 0, lambda: None)


async def until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """
    Wait for a condition that no event announces.

    :param what: what is awaited, for the message.
    :param patience: seconds.
    :raises AssertionError: if the condition does not become true.
    """
    clock = cast(Any, reactor)
    deadline = clock.seconds() + patience
    while not holds():
        if clock.seconds() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}")
        await deferLater(clock, _POLL_INTERVAL)

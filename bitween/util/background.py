"""Coroutines that run beside what started them, until they end or are cancelled together."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure


class BackgroundTasks:
    """Starts coroutines, logs their failures, and cancels those that still run at the end."""

    _log = Logger()

    def __init__(self) -> None:
        self._running: set[Deferred[None]] = set()

    def start(self, task: Coroutine[Deferred[Any], Any, None], purpose: str) -> None:
        """
        Run a coroutine.

        :param task: runs at once, until it waits for the first time; a failure is logged.
        :param purpose: what it does, for the log.
        """
        running = Deferred.fromCoroutine(task)
        self._running.add(running)

        def ended(result: object) -> None:
            self._running.discard(running)
            if isinstance(result, Failure) and not result.check(CancelledError):
                self._log.failure("{purpose} failed", result, purpose=purpose)

        running.addBoth(ended)

    def cancel_all(self) -> None:
        """Cancel all that run."""
        for running in list(self._running):
            running.cancel()

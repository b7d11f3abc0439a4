"""The two things a ladder waits for: an answer, and the passing of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError

_T = TypeVar("_T")


class Attempt(Generic[_T]):
    """One kind of step, of which at most one runs; its answers go to two functions."""

    _log = Logger()

    def __init__(
        self, succeeded: Callable[[_T], None], failed: Callable[[BitweenError], None]
    ) -> None:
        """
        :param succeeded: called with the answer.
        :param failed: called with the reason why there is none; not called after :meth:`cancel`.
        """
        self._succeeded = succeeded
        self._failed = failed
        self._step: Deferred[_T] | None = None

    @property
    def running(self) -> bool:
        """Whether an answer is still to come."""
        return self._step is not None

    def start(self, step: Deferred[_T]) -> None:
        """Wait for a step; an earlier one that still runs is answered as well."""
        self._step = step

        def ended(result: Any) -> Any:
            if self._step is step:
                self._step = None
            return result

        step.addBoth(ended).addCallbacks(self._succeeded, self._step_failed)
        step.addErrback(lambda failure: self._log.failure("on the ladder", failure))

    def cancel(self) -> None:
        """Cancel the step that runs."""
        step, self._step = self._step, None
        if step is not None:
            step.cancel()

    def _step_failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        error = failure.value
        if not isinstance(error, BitweenError):
            self._log.failure("a step to a contact failed", failure)
            error = BitweenError.of("failed.fault")
        self._failed(error)


class Timer:
    """Calls a function once, unless it is stopped before."""

    def __init__(self, clock: IReactorTime, due: Callable[[], None]) -> None:
        """:param due: called once for each :meth:`start` that is neither stopped nor replaced."""
        self._clock = clock
        self._due = due
        self._call: IDelayedCall | None = None

    @property
    def running(self) -> bool:
        """Whether the function is still to be called."""
        return self._call is not None

    def start(self, seconds: float) -> None:
        """Call the function after so many seconds, and not at the time set before."""
        self.stop()
        self._call = self._clock.callLater(seconds, self._fire)

    def stop(self) -> None:
        """Do not call the function."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _fire(self) -> None:
        self._call = None
        self._due()

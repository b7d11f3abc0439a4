"""Delayed calls that are known by names."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timers:
    """At most one delayed call for each name."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[str, IDelayedCall] = {}

    def __contains__(self, name: str) -> bool:
        """Whether a call is pending."""
        return name in self._calls

    def start(self, name: str, delay: float, call: Callable[[], object]) -> None:
        """
        Call something later, in place of the pending call of this name.

        :param delay: seconds.
        :param call: called once, without arguments; its result is ignored.
        """
        self.cancel(name)

        def due() -> None:
            del self._calls[name]
            call()

        self._calls[name] = self._clock.callLater(delay, due)

    def cancel(self, *names: str) -> None:
        """Cancel the pending calls of these names."""
        for name in names:
            call = self._calls.pop(name, None)
            if call is not None:
                call.cancel()

    def cancel_all(self) -> None:
        """Cancel all pending calls."""
        self.cancel(*list(self._calls))

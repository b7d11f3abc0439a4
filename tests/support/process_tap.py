"""A reactor whose child processes a test can reach."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import reactor


class ProcessTap:
    """
    The real reactor, which notes the processes that it starts.

    :ivar processes: their transports, in the order of their start.
    """

    def __init__(self) -> None:
        self.processes: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def spawnProcess(self, *arguments: Any, **options: Any) -> Any:
        """Start a process, and note it."""
        process = cast(Any, reactor).spawnProcess(*arguments, **options)
        self.processes.append(process)
        return process

"""Child processes that a test has started, waited for at its end."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase


def wait_for_children(test: TestCase) -> None:
    """Have a test end when all processes have that the reactor starts from now on."""
    processes: Any = reactor
    spawn = processes.spawnProcess
    gone: list[Deferred[None]] = []

    def spawn_and_note(protocol: Any, *args: Any, **options: Any) -> Any:
        ended: Deferred[None] = Deferred()
        gone.append(ended)
        process_ended = protocol.processEnded

        def end(reason: Any) -> None:
            process_ended(reason)
            ended.callback(None)

        protocol.processEnded = end
        return spawn(protocol, *args, **options)

    test.patch(processes, "spawnProcess", spawn_and_note)
    test.addCleanup(lambda: gatherResults(gone))

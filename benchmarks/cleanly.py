"""Runs a benchmark so that Ctrl-C leaves nothing behind, either."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred


def cleanly(reactor: Any, main: Coroutine[Any, Any, None]) -> Deferred[None]:
    """
    Run a coroutine under ``react``; if the reactor is to stop, it is cancelled and waited for.

    :param main: what it started ends with it, in its ``finally`` clauses.
    """
    running = Deferred.fromCoroutine(main)
    ended: Deferred[None] = Deferred()

    def stop() -> Deferred[None]:
        running.cancel()
        return ended

    def tell(result: object) -> object:
        ended.callback(None)
        return result

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    return running.addBoth(tell)

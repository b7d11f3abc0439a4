"""Reads the nodes of many accounts without flooding the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.session.send_budget import RESERVE

#: Nodes that are read at the same time.
READS_AT_ONCE = 4
#: seconds for the presences of a contact's other resources to come, before the node is read.
READ_DELAY = 0.05
# bytes of a request for items.
_READ_SIZE = 250


class NodeReader:
    """Reads few nodes at a time, within the byte budget; several requests for a node are one."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        read: Callable[[str], Awaitable[None]],
    ) -> None:
        """
        :param budget: a request waits until it has room.
        :param read: reads the node of a bare JID and delivers what it finds; errors that it raises
            are logged.
        """
        self._clock = clock
        self._budget = budget
        self._read = read
        self._requested: dict[str, None] = {}
        self._running: set[str] = set()
        self._timer: IDelayedCall | None = None

    def request(self, jid: str) -> None:
        """Read the node of a bare JID soon; read it again if that is already under way."""
        self._requested[jid] = None
        self._schedule(READ_DELAY)

    def stop(self) -> None:
        """Drop the requests that have not begun: the session is over."""
        self._requested.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, delay: float) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(delay, self._start_reads)

    def _start_reads(self) -> None:
        self._timer = None
        for jid in [jid for jid in self._requested if jid not in self._running]:
            delay = self._budget.delay(_READ_SIZE, RESERVE)
            if delay > 0:
                self._schedule(delay)
                return
            if len(self._running) >= READS_AT_ONCE:
                return
            self._start(jid)

    def _start(self, jid: str) -> None:
        del self._requested[jid]
        self._running.add(jid)
        Deferred.fromCoroutine(self._run(jid)).addErrback(
            lambda failure: self._log.failure("reading a node", failure)
        )

    async def _run(self, jid: str) -> None:
        try:
            await self._read(jid)
        finally:
            self._running.discard(jid)
            if self._requested:
                self._schedule(0)

"""Schedules checks of our PEP node: when something seems wrong, and from time to time."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.util.backoff import Backoff

#: Seconds between two checks where nothing seems wrong: servers send no event for a change of the
#: configuration, such as one that lets strangers read the node.
CHECK_INTERVAL = 3600.0
#: Seconds without a suspicion after which the next one is checked quickly again.
SETTLED = 600.0
#: Seconds to wait after another program of the account came or went, which may have changed it.
CHECK_DELAY = 3.0


class NodeCheck:
    """
    Decides when to check our node.

    If another program keeps overwriting our item, checks become ever rarer: two programs that
    correct each other without end would use up what the server lets a client send.
    """

    def __init__(self, clock: IReactorTime, backoff: Backoff, check: Callable[[], None]) -> None:
        """
        :param backoff: the delays between an event and the check that it causes.
        :param check: checks the node, and repairs it; called without arguments in a session.
        """
        self._clock = clock
        self._backoff = backoff
        self._check = check
        self._timer: IDelayedCall | None = None
        self._suspected = False
        self._suspected_at = 0.0

    def begin(self) -> None:
        """Begin in a session whose node has just been checked."""
        self.end()
        self._schedule(CHECK_INTERVAL)

    def end(self) -> None:
        """Stop: the session is over."""
        self._suspected = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check_soon(self) -> None:
        """
        Check soon: another program of the account has come or gone.

        ejabberd does not send us everything that it may have done to the node.
        """
        if self._timer is not None and self._timer.getTime() > self._clock.seconds() + CHECK_DELAY:
            self._schedule(CHECK_DELAY)

    def suspect(self) -> None:
        """Check after a delay: an event says that the node may have been changed."""
        if self._timer is None or self._suspected:
            return
        now = self._clock.seconds()
        if now - self._suspected_at > SETTLED:
            self._backoff.reset()
        self._suspected_at = now
        self._suspected = True
        self._schedule(self._backoff.next())

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._suspected = False
        self._timer = None
        self._schedule(CHECK_INTERVAL)
        self._check()

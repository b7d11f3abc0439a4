"""Keeps our PEP node true: looks at it when something seems wrong, and now and then."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.util.backoff import Backoff

#: Seconds between two looks where nothing seems wrong: servers tell nobody of a change of the
#: configuration, such as one that lets strangers read the node.
CHECK_INTERVAL = 3600.0
#: Seconds without a doubt after which the next one is looked into quickly again.
CALM = 600.0
#: Seconds to wait where another program of the account came or went, which may have changed it.
GLANCE = 3.0


class NodeCheck:
    """
    Says when to look at our node.

    Another program that publishes in our place, again and again, is answered ever more slowly: two
    that put each other right without end would use up what the server lets a client say.
    """

    def __init__(self, clock: IReactorTime, backoff: Backoff, look: Callable[[], None]) -> None:
        """:param look: looks at the node, and puts right what is wrong."""
        self._clock = clock
        self._backoff = backoff
        self._look = look
        self._timer: IDelayedCall | None = None
        self._doubted = False
        self._last_doubt = 0.0

    def begin(self) -> None:
        """Begin in a session, whose node has just been looked at."""
        self.end()
        self._later(CHECK_INTERVAL)

    def end(self) -> None:
        """Stop, as there is no session any more."""
        self._doubted = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def glance(self) -> None:
        """
        Note that another program of the account has come or gone.

        ejabberd does not tell us everything that it may have done to the node.
        """
        if self._timer is not None and self._timer.getTime() > self._clock.seconds() + GLANCE:
            self._later(GLANCE)

    def doubt(self) -> None:
        """Note that the node may not be as we want it: it is looked at soon."""
        if self._timer is None or self._doubted:
            return
        now = self._clock.seconds()
        if now - self._last_doubt > CALM:
            self._backoff.reset()
        self._last_doubt = now
        self._doubted = True
        self._later(self._backoff.next())

    def _later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._doubted = False
        self._timer = None
        self._later(CHECK_INTERVAL)
        self._look()

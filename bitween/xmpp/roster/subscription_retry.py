"""Repeats subscription requests that may have been lost (RFC 6121 §3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: seconds between two requests.  Debian's ejabberd silently drops subscription stanzas above five a
#: minute, counting what each side sends and receives: two new contacts exceed that.
FIRST_DELAY = 65.0
#: How often one request is repeated in a session; the delay doubles from the third time on, since
#: the first repetitions for several contacts may exceed the limit again.
MAX_REPEATS = 5


class SubscriptionRetry:
    """Repeats the unanswered requests, one at a time."""

    def __init__(
        self,
        clock: IReactorTime,
        pending: Callable[[], Sequence[str]],
        ask: Callable[[str], None],
    ) -> None:
        """
        :param pending: returns the bare JIDs that have not answered.
        :param ask: sends a request to one of them.
        """
        self._clock = clock
        self._pending = pending
        self._ask = ask
        self._asked: dict[str, int] = {}
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """Schedule the next repetition, if there are unanswered requests."""
        jid = self._due()
        if self._timer is None and jid is not None:
            delay = FIRST_DELAY * 2 ** max(0, self._asked.get(jid, 0) - 1)
            self._timer = self._clock.callLater(delay, self._repeat)

    def end(self) -> None:
        """Stop: the session is over."""
        self._asked.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _repeat(self) -> None:
        self._timer = None
        jid = self._due()
        if jid is None:
            return
        self._asked[jid] = self._asked.get(jid, 0) + 1
        self._ask(jid)
        self.begin()

    def _due(self) -> str | None:
        """Return the JID with the fewest repetitions; ``None`` if all have had theirs."""
        waiting = [jid for jid in self._pending() if self._asked.get(jid, 0) < MAX_REPEATS]
        return min(waiting, key=lambda jid: self._asked.get(jid, 0), default=None)

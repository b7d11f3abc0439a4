"""Asks again where a request for a subscription may have been lost (RFC 6121 §3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: seconds between two reminders.  Debian's ejabberd silently drops subscription stanzas above five
#: a minute, counting what each side sends and receives: two new contacts are too much for it.
FIRST_DELAY = 65.0
#: How often one contact is asked again in a session; from the third time on after twice the delay.
#: The first reminders of several people may be too many for such a server again.
ROUNDS = 5


class SubscriptionRetry:
    """Goes round those who have not answered, one at a time."""

    def __init__(
        self,
        clock: IReactorTime,
        pending: Callable[[], Sequence[str]],
        ask: Callable[[str], None],
    ) -> None:
        """
        :param pending: the bare JIDs whose answer is waited for.
        :param ask: sends a request to one of them.
        """
        self._clock = clock
        self._pending = pending
        self._ask = ask
        self._asked: dict[str, int] = {}
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """Note that somebody may have to be reminded, in a while."""
        jid = self._due()
        if self._timer is None and jid is not None:
            delay = FIRST_DELAY * 2 ** max(0, self._asked.get(jid, 0) - 1)
            self._timer = self._clock.callLater(delay, self._remind)

    def end(self) -> None:
        """Stop, as there is no session any more."""
        self._asked.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _remind(self) -> None:
        self._timer = None
        jid = self._due()
        if jid is None:
            return
        self._asked[jid] = self._asked.get(jid, 0) + 1
        self._ask(jid)
        self.begin()

    def _due(self) -> str | None:
        """Who has been reminded least, ``None`` if nobody is to be reminded any more."""
        waiting = [jid for jid in self._pending() if self._asked.get(jid, 0) < ROUNDS]
        return min(waiting, key=lambda jid: self._asked.get(jid, 0), default=None)

"""Limits how much of our line the answers to others can use."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.jids import split

#: bytes/s, and bytes at once, of all answers together: less than half of what may be sent.
RATE, BURST = 1000, 30_000
#: The same for one account that may know of us; thirty connect requests take 20 kB.
CONTACT_RATE, CONTACT_BURST = 500, 24_000
#: The same for all strangers together.
STRANGERS_RATE, STRANGERS_BURST = 200, 6000
#: The same for one stranger: a few refusals.
STRANGER_RATE, STRANGER_BURST = 20, 2000


class RequestBudget:
    """
    Decides whether an answer is sent.

    A server delays what is above its limit (see :class:`bitween.util.token_bucket.TokenBucket`), so
    a flood of requests would delay everything that we send ourselves.  Requests that come faster
    than these limits get no answer.
    """

    def __init__(self, clock: IReactorTime, knows: Callable[[str], bool]) -> None:
        """:param knows: whether a JID, as the server stamps it, may know that we are online."""
        self.knows = knows
        self._everybody = TokenBucket(clock, RATE, BURST)
        self._strangers = TokenBucket(clock, STRANGERS_RATE, STRANGERS_BURST)
        self._contact = KeyedLimiter[str](clock, CONTACT_RATE, CONTACT_BURST)
        self._stranger = KeyedLimiter[str](clock, STRANGER_RATE, STRANGER_BURST)

    def allows(self, to: str, size: int) -> bool:
        """
        Decide whether an answer may be sent, and count it if so.

        :param to: the JID that has sent the request.
        :param size: bytes.
        """
        jid, _ = split(to)
        budgets = [self._everybody]
        if self.knows(to):
            budgets.append(self._contact.bucket(jid))
        else:
            budgets += self._strangers, self._stranger.bucket(jid)
        if any(budget.delay(size) > 0 for budget in budgets):
            return False
        for budget in budgets:
            budget.consume(size)
        return True

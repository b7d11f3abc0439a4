"""How much of our line others can have with what they ask."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from bitween.util.limiter import KeyedLimiter
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.jids import split

#: bytes/s, and bytes at once, of answers to everybody together: less than half of what may be sent.
RATE, BURST = 1000, 30_000
#: The same for one who may know of us; being asked to meet for thirty torrents takes 20 kB.
CONTACT_RATE, CONTACT_BURST = 500, 24_000
#: The same for all strangers together.
STRANGERS_RATE, STRANGERS_BURST = 200, 6000
#: The same for one stranger: some refusals.
STRANGER_RATE, STRANGER_BURST = 20, 2000


class RequestBudget:
    """
    Decides whether an answer is sent.

    A server reads what is above its limit later (see
    :class:`bitween.util.token_bucket.TokenBucket`), so a flood of requests would hold up all that
    we say ourselves.  What comes faster than it can be answered in passing gets no answer.
    """

    def __init__(self, clock: IReactorTime, knows: Callable[[str], bool]) -> None:
        """:param knows: whether a JID, as the server has stamped it, may know of us."""
        self.knows = knows
        self._everybody = TokenBucket(clock, RATE, BURST)
        self._strangers = TokenBucket(clock, STRANGERS_RATE, STRANGERS_BURST)
        self._contact = KeyedLimiter[str](clock, CONTACT_RATE, CONTACT_BURST)
        self._stranger = KeyedLimiter[str](clock, STRANGER_RATE, STRANGER_BURST)

    def allows(self, to: str, size: int) -> bool:
        """
        Tell whether an answer may be sent, and take note of it if so.

        :param to: the JID that has asked.
        :param size: bytes.
        """
        jid, _ = split(to)
        budgets = [self._everybody]
        if self.knows(to):
            budgets.append(self._contact.bucket(jid))
        else:
            budgets += self._strangers, self._stranger.bucket(jid)
        if any(budget.wait(size) > 0 for budget in budgets):
            return False
        for budget in budgets:
            budget.charge(size)
        return True

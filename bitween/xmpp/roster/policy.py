"""Which subscription requests are accepted without asking the user."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from bitween.model.contact import AutoAccept, Contact
from bitween.util.limiter import KeyedLimiter
from bitween.xmpp.roster.items import shows_us

#: Strangers' requests that are accepted at once under ``AutoAccept.ALWAYS``, and then one in how
#: many seconds; those beyond wait for the user.
STRANGERS_AT_ONCE = 20
STRANGER_INTERVAL = 30

#: How often one account is accepted without the user, and the seconds in which: each time costs
#: stanzas, and an account that leaves and comes back without end would fill the line.
ACCEPTED = (10, 600.0)


@dataclass(frozen=True, slots=True)
class SubscriptionPolicy:
    """
    How to treat accounts that are not contacts yet.

    :param nick: our nickname, sent with subscription requests (XEP-0172); may be empty.
    """

    nick: str = ""
    auto_accept: AutoAccept = AutoAccept.KNOWN


class RequestGate:
    """Applies a policy to incoming subscription requests, within rate limits."""

    def __init__(self, clock: IReactorTime, auto_accept: AutoAccept) -> None:
        self._clock = clock
        self._auto_accept = auto_accept
        # The times at which strangers were accepted, as long as they count.
        self._strangers: list[float] = []
        self._accepted = KeyedLimiter[str].of_requests(clock, *ACCEPTED)

    def accepts(self, contact: Contact, *, invited: bool) -> bool:
        """
        Decide on a request, and count it if it is accepted.

        :param contact: what the roster has of the account.
        :param invited: whether we have asked it first.
        """
        return self._is_welcome(contact, invited) and self._accepted.allow(contact.jid)

    def _is_welcome(self, contact: Contact, invited: bool) -> bool:
        if invited or shows_us(contact):
            return True
        match self._auto_accept:
            case AutoAccept.NEVER:
                return False
            case AutoAccept.KNOWN:
                return contact.follows
            case AutoAccept.ALWAYS:
                return contact.follows or self._accepts_stranger()

    def _accepts_stranger(self) -> bool:
        now = self._clock.seconds()
        since = now - STRANGER_INTERVAL * STRANGERS_AT_ONCE
        self._strangers = [then for then in self._strangers if then > since]
        if len(self._strangers) >= STRANGERS_AT_ONCE:
            return False
        self._strangers.append(now)
        return True

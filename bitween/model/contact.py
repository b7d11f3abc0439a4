"""A person in the roster."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bitween.errors import BitweenError


class Subscription(StrEnum):
    """Who sees whose presence (RFC 6121 §2.1.2.5)."""

    NONE = "none"
    TO = "to"
    FROM = "from"
    BOTH = "both"


class AutoAccept(StrEnum):
    """Which subscription requests are accepted without asking the user."""

    NEVER = "never"  # none but the answer to our own request
    KNOWN = "known"  # also those of contacts whose presence we see
    ALWAYS = "always"  # all, and we request a subscription in return


class Pending(StrEnum):
    """A subscription request without an answer yet."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Contact:
    """
    A roster entry, or an account that asks to become one.

    :param jid: the bare JID.
    :param nick: the name in the roster; of an account that only asks, the nickname that it sent
        (XEP-0172); may be empty.
    :param pending: ``IN`` for their request, ``OUT`` for ours.
    :param groups: roster groups, sorted.
    :param blocked: whether the server blocks them (XEP-0191).
    :param error: the error that our request was answered with; ``None`` if there was none.
    """

    jid: str
    nick: str = ""
    subscription: Subscription = Subscription.NONE
    pending: Pending | None = None
    groups: tuple[str, ...] = ()
    blocked: bool = False
    error: BitweenError | None = field(default=None, compare=False)

    @property
    def trusted(self) -> bool:
        """Whether we are subscribed and do not block them, so that their announcements count."""
        return not self.blocked and self.follows and not self.is_service

    @property
    def is_service(self) -> bool:
        """Whether this is a gateway or another service, whose JID is only a domain."""
        return "@" not in self.jid

    @property
    def follows(self) -> bool:
        """Whether we are subscribed to their presence."""
        return self.subscription in (Subscription.TO, Subscription.BOTH)

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
    """Whose request to see us is accepted without the user."""

    NEVER = "never"  # nobody's but the answer to our own
    KNOWN = "known"  # also of whom we follow
    ALWAYS = "always"  # everybody's, and they are asked back


class Pending(StrEnum):
    """A subscription request that nobody has answered yet."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Contact:
    """
    A roster entry, or somebody who asks to become one.

    :param jid: the bare JID.
    :param nick: the name given in the roster, or that they give themselves as long as they only
        ask (XEP-0172); may be empty.
    :param pending: ``IN`` where they ask us, ``OUT`` where we have asked them.
    :param groups: roster groups, sorted.
    :param blocked: whether the server keeps them away from us (XEP-0191).
    :param error: what came back when we asked them; ``None`` if nothing went wrong.
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
        """Whether we follow their presence and want to, so that their announcements count."""
        return not self.blocked and self.follows and not self.is_service

    @property
    def is_service(self) -> bool:
        """Whether this is no person but a gateway or another service, which has a domain alone."""
        return "@" not in self.jid

    @property
    def follows(self) -> bool:
        """Whether we are subscribed to their presence."""
        return self.subscription in (Subscription.TO, Subscription.BOTH)

"""A person in the roster."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Subscription(StrEnum):
    """Who sees whose presence (RFC 6121 §2.1.2.5)."""

    NONE = "none"
    TO = "to"
    FROM = "from"
    BOTH = "both"


class Pending(StrEnum):
    """A subscription request that nobody has answered yet."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Contact:
    """
    A roster entry, or somebody who asks to become one.

    :param jid: the bare JID.
    :param nick: the name given in the roster; may be empty.
    :param pending: ``IN`` where they ask us, ``OUT`` where we have asked them.
    :param groups: roster groups, sorted.
    """

    jid: str
    nick: str = ""
    subscription: Subscription = Subscription.NONE
    pending: Pending | None = None
    groups: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether we follow their presence, so that their announcements count."""
        return self.subscription in (Subscription.TO, Subscription.BOTH)

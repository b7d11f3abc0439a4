"""The subscription requests that wait for the user."""

from __future__ import annotations

from collections.abc import Iterator

from bitween.model.jid import registered_domain

#: Requests that are remembered, in all and of one domain with those below it; the server keeps the
#: others.
MAX_REQUESTS = 1000
MAX_REQUESTS_OF_DOMAIN = 50


class PendingRequests:
    """
    A bounded collection: a flood from one server hides no honest request of another.

    The owner of a domain can create any number of names below it, so these count together.
    """

    def __init__(self) -> None:
        self._nicks: dict[str, str] = {}

    def __contains__(self, jid: str) -> bool:
        """Whether a bare JID has asked."""
        return jid in self._nicks

    def __iter__(self) -> Iterator[str]:
        """Iterate over the bare JIDs, oldest request first."""
        return iter(self._nicks)

    def nick(self, jid: str) -> str:
        """Return the nickname that the account has sent; may be empty."""
        return self._nicks[jid]

    def add(self, jid: str, nick: str) -> None:
        """Remember a request."""
        self._nicks[jid] = nick

    def discard(self, jid: str) -> None:
        """Forget a request, if there is one."""
        self._nicks.pop(jid, None)

    def to_drop(self, jid: str) -> str | None:
        """
        Find the request to drop before another one is added; ``None`` if there is room.

        It is the oldest one of the same domain if that has too many, or else of the domain that has
        the most.

        :param jid: the bare JID to add.
        """
        by_domain: dict[str, list[str]] = {}
        for known in self._nicks:
            by_domain.setdefault(_owner(known), []).append(known)
        of_domain = by_domain.get(_owner(jid), [])
        if len(of_domain) >= MAX_REQUESTS_OF_DOMAIN:
            return of_domain[0]
        if len(self._nicks) >= MAX_REQUESTS:
            return max(by_domain.values(), key=len)[0]
        return None


def _owner(jid: str) -> str:
    """Return the registered domain of a bare JID, whose owner controls all names below it."""
    return registered_domain(jid.partition("@")[2])

"""Keeps below the rate at which we are at anybody's service."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from bitween.util.token_bucket import TokenBucket

# JIDs whose use is remembered; contacts, so they are not many.
_MAX_USERS = 1000


class RateLimiter:
    """So many requests in so much time for each bare JID; they come back one by one."""

    def __init__(self, clock: IReactorTime, requests: int, seconds: float) -> None:
        """
        :param requests: that may come at once.
        :param seconds: until as many may come again.
        """
        self._clock = clock
        self._requests = requests
        self._rate = requests / seconds
        self._users: dict[str, TokenBucket] = {}

    def take(self, jid: str) -> bool:
        """Note a request; tells whether it is within the quota."""
        left = self._users.pop(jid, None) or TokenBucket(self._clock, self._rate, self._requests)
        self._users[jid] = left
        if len(self._users) > _MAX_USERS:
            del self._users[next(iter(self._users))]
        if left.wait(1) > 0:
            return False
        left.charge(1)
        return True

"""Which devices of contacts are online."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.util.limiter import KeyedLimiter

#: How often a resource may come online, an account's resources may come online, and the seconds in
#: which: each time makes us send requests, and one that comes and goes without end would fill the
#: line.
ARRIVALS, ARRIVALS_OF_ACCOUNT = (10, 60.0), (MAX_RESOURCES, 640.0)
#: Seconds until a resource that came online too often is considered again.
HELD = 6.0


class OnlineDevices:
    """
    Keeps the resources that are online, at most 64 an account.

    A resource that comes online too often is *held*: it counts as online only when its account's
    limit allows it again.
    """

    def __init__(
        self,
        clock: IReactorTime,
        changed: Callable[[str, str, bool], None],
        repeated: Callable[[str, str], None],
    ) -> None:
        """
        :param changed: gets bare JID, resource and whether it is online.
        :param repeated: gets bare JID and resource of presence of a resource that is online.
        """
        self._clock = clock
        self._changed = changed
        self._repeated = repeated
        self._arrivals = KeyedLimiter[str].of_requests(clock, *ARRIVALS)
        self._arrivals_of_account = KeyedLimiter[str].of_requests(clock, *ARRIVALS_OF_ACCOUNT)
        self._online: dict[str, set[str]] = {}
        self._held: dict[tuple[str, str], IDelayedCall] = {}

    def of(self, jid: str) -> frozenset[str]:
        """Return the resources of a bare JID that are online."""
        return frozenset(self._online.get(jid, ()))

    def available(self, jid: str, resource: str) -> None:
        """Take available presence of a resource."""
        online = self._online.setdefault(jid, set())
        if resource in online:
            self._repeated(jid, resource)
        elif resource and len(online) < MAX_RESOURCES:
            self._arrived(jid, resource)

    def unavailable(self, jid: str, resource: str) -> None:
        """Take unavailable presence of a resource, or of all of them if it has no resource."""
        online = self._online.setdefault(jid, set())
        for key in [k for k in self._held if k[0] == jid and resource in ("", k[1])]:
            self._held.pop(key).cancel()
        for left in sorted(online & {resource} if resource else set(online)):
            online.discard(left)
            self._changed(jid, left, False)

    def forget(self, jid: str) -> None:
        """Forget which resources of a bare JID are online, without calling ``changed``."""
        self._online.pop(jid, None)

    def clear(self) -> None:
        """Forget everything: the session is over."""
        self._online.clear()
        while self._held:
            self._held.popitem()[1].cancel()

    def _arrived(self, jid: str, resource: str) -> None:
        key = (jid, resource)
        if key in self._held:
            return
        if self._arrivals.allow(f"{jid}/{resource}") and self._arrivals_of_account.allow(jid):
            self._online.setdefault(jid, set()).add(resource)
            self._changed(jid, resource, True)
        elif sum(held == jid for held, _ in self._held) < MAX_RESOURCES:
            self._held[key] = self._clock.callLater(HELD, self._retry, key)

    def _retry(self, key: tuple[str, str]) -> None:
        del self._held[key]
        self.available(*key)

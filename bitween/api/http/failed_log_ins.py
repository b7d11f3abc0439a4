"""How often somebody may guess a secret."""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from bitween.api.http.error_page import ErrorPage
from bitween.api.http.network import network_of

#: Failed log-ins that an address may make at once; one more is allowed every second.
BURST = 20
#: Addresses whose failures are remembered.
_MAX_ADDRESSES = 1000


class FailedLogIns:
    """Counts failed log-ins by who made them, as buckets that leak one a second."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._empty_at: dict[str, float] = {}

    def refuse(self, request: Request, text: str) -> ErrorPage:
        """
        Note one more failure.

        :param text: what to say, as long as there are not too many of them.
        """
        wait = self._count(network_of(getattr(request.getClientAddress(), "host", "")))
        if wait > 0:
            return ErrorPage(429, "too many failed log-ins", retry_after=str(math.ceil(wait)))
        return log_in_needed(text)

    def _count(self, origin: str) -> float:
        now = self._clock.seconds()
        empty_at = max(now, self._empty_at.pop(origin, now)) + 1
        # A bucket that is over twice as full tells nothing more.
        self._empty_at[origin] = min(empty_at, now + 2 * BURST)
        if len(self._empty_at) > _MAX_ADDRESSES:
            del self._empty_at[next(iter(self._empty_at))]
        return empty_at - now - BURST


def log_in_needed(text: str) -> ErrorPage:
    """The refusal of somebody who is not known (RFC 9110 §15.5.2)."""
    return ErrorPage(401, text, www_authenticate='Bearer realm="bitween"')

"""Limits how often a client may guess a secret."""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from bitween.api.http.error_page import ErrorPage
from bitween.api.http.network import network_of
from bitween.util.limiter import KeyedLimiter

#: Failed log-ins that a network may make at once; one more is allowed every second.
BURST = 20


class FailedLogIns:
    """Counts failed log-ins by network; see :func:`bitween.api.http.network.network_of`."""

    def __init__(self, clock: IReactorTime) -> None:
        self._limiter: KeyedLimiter[str] = KeyedLimiter(clock, rate=1, burst=BURST)

    def answer(self, request: Request, text: str) -> ErrorPage:
        """
        Count one more failure, and return what to answer.

        :param text: the answer's text, unless there are too many failures.
        """
        network = network_of(getattr(request.getClientAddress(), "host", ""))
        bucket = self._limiter.bucket(network)
        wait = bucket.delay(1)
        # A client that goes on guessing waits for the burst again, but not for ever longer.
        if bucket.overdrawn < BURST:
            bucket.consume(1)
        if wait > 0:
            return ErrorPage(429, "too many failed log-ins", retry_after=str(math.ceil(wait)))
        return log_in_needed(text)


def log_in_needed(text: str) -> ErrorPage:
    """The answer to a client that is not authenticated (RFC 9110 §15.5.2)."""
    return ErrorPage(401, text, www_authenticate='Bearer realm="bitween"')

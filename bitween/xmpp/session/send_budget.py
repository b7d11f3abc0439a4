"""How fast we send to our XMPP server: below the rate limits of common servers."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from bitween.util.token_bucket import TokenBucket

#: bytes/s; ejabberd's default is 3 kB/s, Prosody's 10 kB/s.
RATE = 2500
#: bytes that may be sent at once.
BURST = 16_000
#: bytes that share lists leave in the bucket, so that presence, pings and news never wait for them.
RESERVE = 4000


def send_budget(clock: IReactorTime) -> TokenBucket:
    """Make the bucket of one connection to our server; its tokens are bytes."""
    return TokenBucket(clock, RATE, BURST)

"""Bounded memory of many keys: rate limits, each with a bucket of its own, and a mapping."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, MutableMapping
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

from bitween.util.token_bucket import TokenBucket

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

#: Keys that a limiter remembers unless told otherwise.
MAX_KEYS = 1000


class BoundedDict(MutableMapping[_K, _V]):
    """
    A dictionary that drops its oldest entries.

    Setting a key makes its entry the newest one, whether it existed before or not.
    """

    def __init__(self, limit: int) -> None:
        """:param limit: entries that stay, at least 1."""
        self._limit = limit
        self._entries: dict[_K, _V] = {}

    def __getitem__(self, key: _K) -> _V:
        return self._entries[key]

    def __setitem__(self, key: _K, value: _V) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        while len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def __delitem__(self, key: _K) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[_K]:
        """Oldest first."""
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class KeyedLimiter(Generic[_K]):
    """
    A token bucket for each key, for example for each contact.

    It forgets the keys that were idle the longest, and so is bounded whatever keys arrive.  A
    forgotten key has a full bucket again.
    """

    def __init__(
        self, clock: IReactorTime, rate: float, burst: float, max_keys: int = MAX_KEYS
    ) -> None:
        """
        :param rate: tokens that each bucket gains a second.
        :param burst: tokens in a full bucket.
        :param max_keys: how many keys to remember.
        """
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._buckets: BoundedDict[_K, TokenBucket] = BoundedDict(max_keys)

    @classmethod
    def of_requests(cls, clock: IReactorTime, requests: int, seconds: float) -> KeyedLimiter[_K]:
        """
        Make a limiter of requests, each of which takes one token.

        :param requests: the number that a key may make at once.
        :param seconds: the time in which an empty bucket gets full again.
        """
        return cls(clock, requests / seconds, requests)

    def bucket(self, key: _K) -> TokenBucket:
        """The bucket of a key, which is the newest from now on."""
        bucket = self._buckets.get(key) or TokenBucket(self._clock, self._rate, self._burst)
        self._buckets[key] = bucket
        return bucket

    def allow(self, key: _K, tokens: float = 1) -> bool:
        """
        Take tokens from the bucket of a key; false, and none are taken, if it has too few.

        :param tokens: as many as this use costs.
        """
        bucket = self.bucket(key)
        if bucket.delay(tokens) > 0:
            return False
        bucket.consume(tokens)
        return True

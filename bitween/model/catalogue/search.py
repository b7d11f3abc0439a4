"""
Finds shares by name or info-hash, best matches first.

A search runs over half a million names in well under a second.  Three things make that possible:

* The names of a device are one text, which is searched at once
  (:mod:`bitween.model.catalogue.query`).  Each device keeps its text until its shares change.
* A :class:`Search` is a generator of steps, one device's text each, so that the caller can let the
  reactor run in between.  :class:`Matches` handles a query with words; :class:`Everything` one
  without, for which the texts are in order already.
* What is found stays in one sorted run for each device.  Only as many shares as a page shows are
  merged into order.

:class:`bitween.model.catalogue.searches.CatalogueSearches` starts searches.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from bitween.model.annotation import NO_ANNOTATION, Annotation
from bitween.model.announcement import Share
from bitween.model.catalogue.query import NameText, SearchQuery, folded
from bitween.model.torrent import MAX_SIZE, InfoHash

#: The orders of a search: ``size`` is smallest first, ``match`` is best match first, and online
#: before offline.
SORTS = ("name", "size", "largest", "online", "match")

# Shares that one step puts in order; each may be the first of a run that is only then sorted.
_PORTION = 10


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A name and size of a torrent, and the contacts that announce them.

    :param contacts: bare JIDs, sorted; none if only our own copy has this name and size.
    """

    name: str
    size: int
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """
    One share, with all contacts that have it.

    :param name: of our own copy, else the one that most contacts announce.
    :param size: bytes, the same.
    :param contacts: bare JIDs, sorted.
    :param online: whether at least one of them is online.
    :param claims: all announced names and sizes, if they differ; the one shown comes first.
    :param annotation: what the contacts say about it.
    :param locked: whether all of them show us the name only.
    """

    info_hash: InfoHash
    name: str
    size: int
    contacts: tuple[str, ...]
    online: bool
    claims: tuple[Claim, ...] = ()
    annotation: Annotation = NO_ANNOTATION
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """
    Restricts the matches of a query.

    :param online: only shares of which a device is online.
    :param min_size: bytes; smaller shares are left out.
    :param max_size: bytes; larger shares are left out.
    """

    online: bool = False
    min_size: int = 0
    max_size: int = MAX_SIZE

    @property
    def by_size(self) -> bool:
        """Whether it restricts the size."""
        return (self.min_size, self.max_size) != (0, MAX_SIZE)


#: No restriction.
UNFILTERED = Filter()


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of the result, and the number of shares in the whole result."""

    total: int
    items: tuple[Found, ...]


def _smallest_first(share: Share) -> tuple[int, str]:
    return share.size, share.info_hash


def _largest_first(share: Share) -> tuple[int, str]:
    return -share.size, share.info_hash


_BY_SIZE = {"size": _smallest_first, "largest": _largest_first}


class Search:
    """
    One search, in steps.

    :ivar total: the number of torrents found, once it is done.
    :ivar done: whether all steps were taken.
    """

    def __init__(self, key: _Key) -> None:
        """:param key: called with a :func:`folded` name and its share; returns the sort key."""
        self._key = key
        self._ordered: list[Share] = []
        self._rest: Iterator[Share] = iter(())
        self.total = 0
        self.done = False

    def steps(self) -> Iterator[None]:
        """Search, one list a step; a search that is done has no steps left."""
        if not self.done:
            runs: list[Iterable[Share]] = []
            self.total = yield from self._steps(runs)
            self.done = True
            # Only the pages that a client asks for are put in order.
            self._rest = heapq.merge(*runs, key=lambda share: self._key(folded(share.name), share))

    def ordering(self, count: int) -> Iterator[None]:
        """
        Put the first shares of the result in order, some a step; after all other steps.

        :param count: the number of shares to put in order.
        """
        while len(self._ordered) < count:
            portion = list(islice(self._rest, min(_PORTION, count - len(self._ordered))))
            if not portion:
                return
            self._ordered += portion
            yield

    def page(self, offset: int, limit: int) -> Sequence[Share]:
        """
        A part of the result, in order; after all steps.

        :param offset: the number of shares to skip.
        :param limit: the most shares to return.
        """
        for _ in self.ordering(offset + limit):
            pass
        return self._ordered[offset : offset + limit]

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        """Find sorted runs of shares, none twice; returns the number of shares."""
        raise NotImplementedError


class Matches(Search):
    """A search for words or an info-hash."""

    def __init__(
        self,
        query: str,
        sort: str,
        lists: Iterable[Callable[[], NameText]],
        away: Callable[[InfoHash], bool],
        only: Filter = UNFILTERED,
    ) -> None:
        """
        :param query: see :class:`SearchQuery`.
        :param sort: one of :data:`SORTS`.
        :param lists: for each device, a function that returns the names of its shares; if several
            devices have a torrent, the name of the first one counts.
        :param away: called with an info-hash; returns whether no device that has the torrent is
            online.
        :param only: restricts the matches.
        """
        self._query = SearchQuery(query)
        self._lists = lists
        self._left_out = _left_out(only, away)
        self._tagged = bool(self._query.tags)
        super().__init__(_sort_key(sort, self._query, away))

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        key = self._key
        seen: set[InfoHash] = set()
        for names in self._lists:
            run = []
            for name, share in names().matching(self._query):
                if self._tagged and self._query.leaves_out(share):
                    continue
                if share.info_hash not in seen and not self._left_out(share):
                    seen.add(share.info_hash)
                    run.append((key(name, share), share))
            if run:
                run.sort(key=_first)
                runs.append([share for _, share in run])
            yield
        return len(seen)


class Everything(Search):
    """
    A search without words, which finds all shares.

    It ranks nothing: the lists are in order already, and each is of a device that is online or
    offline as a whole.
    """

    def __init__(
        self,
        sort: str,
        lists: Iterable[tuple[Callable[[], NameText], AbstractSet[InfoHash]]],
        away: Callable[[InfoHash], bool],
        only: Filter = UNFILTERED,
    ) -> None:
        """
        :param sort: one of :data:`SORTS`.
        :param lists: for each device, online ones first: a function that returns the names of its
            shares, and those of its torrents that other devices have, too.
        :param away: called with an info-hash; returns whether no device that has the torrent is
            online.
        :param only: restricts the matches.
        """
        super().__init__(_sort_key(sort, SearchQuery(""), away))
        self._sort = sort
        self._lists = lists
        self._only = only

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        total = 0
        seen: set[InfoHash] = set()
        for names, common in self._lists:
            shown = self._shown(names().shares, seen & common)
            seen |= common
            total += len(shown)
            runs.append(_in_order(shown, self._sort) if self._sort in _BY_SIZE else shown)
            yield
        return total

    def _shown(self, shares: Sequence[Share], hidden: AbstractSet[InfoHash]) -> Sequence[Share]:
        """The shares that the filter allows, without hidden ones."""
        if self._only.by_size:
            smallest, largest = self._only.min_size, self._only.max_size
            shares = [share for share in shares if smallest <= share.size <= largest]
        return [share for share in shares if share.info_hash not in hidden] if hidden else shares


def _in_order(shares: Sequence[Share], sort: str) -> Iterable[Share]:
    """
    Sort shares when the second one is needed; the first one is found without sorting.

    :param sort: ``size`` or ``largest``.
    """
    if not shares:
        return ()
    sizes = [share.size for share in shares]
    first = (min if sort == "size" else max)(sizes)
    ties = [share for share, size in zip(shares, sizes, strict=True) if size == first]
    return chain((min(ties, key=_BY_SIZE[sort]),), _after_the_first(shares, sort))


def _after_the_first(shares: Sequence[Share], sort: str) -> Iterator[Share]:
    yield from sorted(shares, key=_BY_SIZE[sort])[1:]


_Key = Callable[[str, Share], tuple[Any, ...]]


def _sort_key(sort: str, query: SearchQuery, away: Callable[[InfoHash], bool]) -> _Key:
    """The sort key, a function of folded name and share."""
    keys: dict[str, _Key] = {
        "name": lambda name, share: (name, share.info_hash),
        "size": lambda _, share: _smallest_first(share),
        "largest": lambda _, share: _largest_first(share),
        "online": lambda name, share: (away(share.info_hash), name, share.info_hash),
        "match": lambda name, share: (
            query.rank(name, share),
            away(share.info_hash),
            name,
            share.info_hash,
        ),
    }
    return keys[sort]


def _left_out(only: Filter, away: Callable[[InfoHash], bool]) -> Callable[[Share], bool]:
    """The function that tells what a filter leaves out; it checks no more than necessary."""
    smallest, largest = only.min_size, only.max_size
    if not only.by_size:
        return (lambda share: away(share.info_hash)) if only.online else _nothing
    if only.online:
        return lambda share: not smallest <= share.size <= largest or away(share.info_hash)
    return lambda share: not smallest <= share.size <= largest


def _nothing(_: Share) -> bool:
    return False


def _first(pair: tuple[Any, object]) -> Any:
    return pair[0]

"""Finding shares by name or info-hash, best matches first."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bitween.model.announcement import Share
from bitween.model.torrent import MAX_SIZE, InfoHash

#: What a search can sort by: ``size`` is the smallest first, ``match`` the best match first, online
#: before away.
SORTS = ("name", "size", "largest", "online", "match")

# Digits of an info-hash that are enough to look for it.
_HASH_DIGITS = 6
# Digits of each info-hash that are looked through.
_HASH_PART = 8
_HEX = re.compile("[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """
    One share, with everybody who has it.

    :param contacts: bare JIDs, sorted.
    :param online: whether at least one of them is there now.
    """

    info_hash: InfoHash
    name: str
    size: int
    contacts: tuple[str, ...]
    online: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """
    What counts of that which matches a query.

    :param online: leave out what is away.
    :param min_size: bytes; what is smaller is left out.
    :param max_size: bytes; what is larger is left out.
    """

    online: bool = False
    min_size: int = 0
    max_size: int = MAX_SIZE

    @property
    def by_size(self) -> bool:
        """Whether a size may be left out."""
        return (self.min_size, self.max_size) != (0, MAX_SIZE)


#: Nothing is left out.
UNFILTERED = Filter()


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of what was found, and how much there is in all."""

    total: int
    items: tuple[Found, ...]


def folded(name: str) -> str:
    """A name as it is compared: in one line, and the same in any case."""
    return name.casefold().replace("\n", " ")


def _size(share: Share) -> int:
    return share.size


def _smallest_first(share: Share) -> tuple[int, str]:
    return share.size, share.info_hash


def _largest_first(share: Share) -> tuple[int, str]:
    return -share.size, share.info_hash


_BY_SIZE = {"size": _smallest_first, "largest": _largest_first}

# Shares that are put in order in one step.
_PORTION = 500


class NameText:
    """
    The names of some shares in one text, which is far quicker to search than one by one.

    :param shares: must not change, else this is to be made anew.
    """

    def __init__(self, shares: Mapping[InfoHash, Share]) -> None:
        self._shares = shares
        self._names = "".join([f"{folded(share.name)}\n" for share in shares.values()])
        self._hashes = "".join([info_hash[:_HASH_PART] for info_hash in shares])
        self._ordered: dict[str, list[Share]] = {}

    def ordered(self, sort: str) -> Sequence[Share]:
        """
        All of them in order; only the first time takes long.

        :param sort: ``size``, ``largest`` or ``name``.
        """
        if sort not in self._ordered:
            self._ordered[sort] = self._put_in_order(sort)
        return self._ordered[sort]

    def within(self, only: Filter) -> Sequence[Share]:
        """Those of a size that counts, the smallest first."""
        if not only.by_size:
            return list(self._shares.values())
        ordered = self.ordered("size")
        begin = bisect_left(ordered, only.min_size, key=_size)
        return ordered[begin : bisect_right(ordered, only.max_size, key=_size)]

    def _put_in_order(self, sort: str) -> list[Share]:
        shares = self._shares
        if sort in _BY_SIZE:
            return sorted(shares.values(), key=_BY_SIZE[sort])
        names = self._names.split("\n")
        ordered = sorted(zip(names, shares, shares.values(), strict=False))
        return [share for _, _, share in ordered]

    def matching(self, query: Query) -> list[tuple[str, Share]]:
        """The shares that match a query, each after its name as :func:`folded` gives it."""
        if not query.words:
            return list(zip(self._names.split("\n"), self._shares.values(), strict=False))
        lines = list(self._lines_with(query.words))
        if query.hash_prefix:
            lines += self._hashes_with(query.hash_prefix)
        if not lines:
            return []
        shares = list(self._shares.values())
        return [(name, shares[number]) for number, name in lines]

    def _lines_with(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """The lines in which all the words stand, with their numbers."""
        names = self._names
        rarest, *others = sorted(words, key=len, reverse=True)
        number = counted = 0
        at = names.find(rarest)
        while at >= 0:
            number += names.count("\n", counted, at)
            counted = names.index("\n", at)
            line = names[names.rfind("\n", 0, at) + 1 : counted]
            if not others or all(word in line for word in others):
                yield number, line
            at = names.find(rarest, counted)

    def _hashes_with(self, prefix: str) -> Iterator[tuple[int, str]]:
        """The numbers and names of the shares whose info-hash begins so."""
        part = prefix[:_HASH_PART]
        at = self._hashes.find(part)
        while at >= 0:
            number, misplaced = divmod(at, _HASH_PART)
            if not misplaced:
                share = next(islice(self._shares.values(), number, None))
                if share.info_hash.startswith(prefix):
                    yield number, folded(share.name)
            at = self._hashes.find(part, at + 1)


class Query:
    """
    What is looked for.

    :ivar words: must all stand in the name.
    :ivar hash_prefix: how the info-hash may begin instead; empty if the query is no such beginning.
    """

    def __init__(self, text: str) -> None:
        """:param text: words in any case, or the first six or more digits of an info-hash."""
        self.words = tuple(text.casefold().split())
        self._phrase = " ".join(self.words)
        self._starts = [re.compile(rf"(?<![^\W_]){re.escape(word)}") for word in self.words]
        is_hash = len(self._phrase) >= _HASH_DIGITS and _HEX.fullmatch(self._phrase)
        self.hash_prefix = self._phrase if is_hash else ""

    def rank(self, name: str, share: Share) -> int:
        """
        How well a share matches, if it does.

        :param name: of the share, :func:`folded`.
        :returns: 0 for the whole name or the info-hash, 1 for how the name begins, 2 where words of
            the name begin so, 3 for what stands within words.
        """
        if name.startswith(self._phrase):
            return 0 if len(name) == len(self._phrase) else 1
        if self.hash_prefix and share.info_hash.startswith(self.hash_prefix):
            return 0
        for start in self._starts:
            if not start.search(name):
                return 3
        return 2


class Search:
    """
    One search, done in steps so that it may be spread over time.

    :ivar total: how many torrents were found, once it is done.
    :ivar done: whether all the steps were taken.
    """

    def __init__(self, key: _Key) -> None:
        """:param key: what is found is sorted by."""
        self._key = key
        self._ordered: list[Share] = []
        self._rest: Iterator[Share] = iter(())
        self.total = 0
        self.done = False

    def steps(self) -> Iterator[None]:
        """Search, one list a step; nothing is left to do for one that is done."""
        if not self.done:
            runs: list[Iterable[Share]] = []
            self.total = yield from self._steps(runs)
            self.done = True
            # Only as much of it is put in order as somebody looks at.
            self._rest = heapq.merge(*runs, key=lambda share: self._key(folded(share.name), share))

    def ordering(self, count: int) -> Iterator[None]:
        """Put so many of what was found in order, some a step; after all the other steps."""
        while len(self._ordered) < count:
            portion = list(islice(self._rest, min(_PORTION, count - len(self._ordered))))
            if not portion:
                return
            self._ordered += portion
            yield

    def page(self, offset: int, limit: int) -> Sequence[Share]:
        """Some of what was found, in order; after all the steps."""
        for _ in self.ordering(offset + limit):
            pass
        return self._ordered[offset : offset + limit]

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        """Find runs of shares in order, none twice; returns how many shares there are."""
        raise NotImplementedError


class Matches(Search):
    """What matches a query."""

    def __init__(
        self,
        query: str,
        sort: str,
        lists: Iterable[Callable[[], NameText]],
        away: Callable[[InfoHash], bool],
        only: Filter = UNFILTERED,
    ) -> None:
        """
        :param sort: one of :data:`SORTS`.
        :param lists: give the names of what each resource shares; where several have a torrent,
            the first one's name for it is taken.
        :param away: whether nobody who has a torrent is there now.
        :param only: what of it counts.
        """
        self._query = Query(query)
        self._lists = lists
        self._left_out = _left_out(only, away)
        super().__init__(_sort_key(sort, self._query, away))

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        key = self._key
        seen: set[InfoHash] = set()
        for names in self._lists:
            run = []
            for name, share in names().matching(self._query):
                if share.info_hash not in seen and not self._left_out(share):
                    seen.add(share.info_hash)
                    run.append((key(name, share), share))
            if run:
                run.sort(key=_first)
                runs.append([share for _, share in run])
            yield
        return len(seen)


# Where fewer than one of so many are shown, they are put in order; else they are picked from those
# that are in order.
_MANY = 16


class Everything(Search):
    """
    What a query without words finds.

    It ranks nothing: the lists are kept in order, and who is looked at first in the end is online
    or away as a whole.
    """

    def __init__(
        self,
        sort: str,
        lists: Iterable[tuple[Callable[[], NameText], Callable[[InfoHash], bool]]],
        away: Callable[[InfoHash], bool],
        count: Callable[[], int],
        only: Filter = UNFILTERED,
    ) -> None:
        """
        :param sort: one of :data:`SORTS`.
        :param lists: of every resource that counts, those who are online first, the names of what
            it shares and whether it is the first one in these lists that has a torrent.
        :param away: whether nobody who has a torrent is there now.
        :param count: how many torrents there are, if none is left out.
        :param only: what of it counts.
        """
        super().__init__(_sort_key(sort, Query(""), away))
        self._sort = sort if sort in _BY_SIZE else "name"
        self._lists = lists
        self._count = count
        self._only = only

    def _steps(self, runs: list[Iterable[Share]]) -> Generator[None, None, int]:
        if self._only == UNFILTERED:
            for names, is_first in self._lists:
                runs.append(_shown(names().ordered(self._sort), is_first))
                yield
            return self._count()
        total = 0
        for names, is_first in self._lists:
            here = names()
            shown = [share for share in here.within(self._only) if is_first(share.info_hash)]
            total += len(shown)
            ordered = here.ordered(self._sort)
            if len(shown) * _MANY < len(ordered):
                runs.append(sorted(shown, key=lambda share: self._key(folded(share.name), share)))
            else:
                runs.append(_shown(filter(self._counts, ordered), is_first))
            yield
        return total

    def _counts(self, share: Share) -> bool:
        return self._only.min_size <= share.size <= self._only.max_size


def _shown(shares: Iterable[Share], is_first: Callable[[InfoHash], bool]) -> Iterator[Share]:
    return (share for share in shares if is_first(share.info_hash))


_Key = Callable[[str, Share], tuple[Any, ...]]


def _sort_key(sort: str, query: Query, away: Callable[[InfoHash], bool]) -> _Key:
    """Make what a share is sorted by, of its folded name and itself."""
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
    """Tell what a filter leaves out, without a question more than it needs."""
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

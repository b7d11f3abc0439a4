"""
Finds shares by name or info-hash, best matches first.

A search runs over half a million names in well under a second.  Three things make that possible:

* :class:`NameText` holds all names of a device in one text, so that one scan by ``str.find`` finds
  the names that contain a word, instead of a loop over names.  Each device keeps its text until its
  shares change.
* A :class:`Search` is a generator of steps, one device's text each, so that the caller can let the
  reactor run in between.  :class:`Matches` handles a query with words; :class:`Everything` one
  without, for which the texts are in order already.
* What is found stays in one sorted run for each device.  Only as many shares as a page shows are
  merged into order.

:class:`bitween.model.catalogue.searches.CatalogueSearches` starts searches.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from bitween.errors import InvalidValue
from bitween.model.annotation import NO_ANNOTATION, Annotation
from bitween.model.announcement import Share
from bitween.model.magnet import is_magnet, wanted_hash
from bitween.model.text import caseless
from bitween.model.torrent import MAX_SIZE, InfoHash

#: The orders of a search: ``size`` is smallest first, ``match`` is best match first, and online
#: before offline.
SORTS = ("name", "size", "largest", "online", "match")

# A tag in a query: tag:NAME, or tag:"TWO WORDS".
_TAG = re.compile(r'(?<!\S)tag:("[^"]*"|\S+)', re.IGNORECASE)

# Digits of an info-hash that suffice to search for it.
_HASH_DIGITS = 6
# Digits of each info-hash in the text that is searched.
_HASH_PART = 8
_HEX = re.compile("[0-9a-f]+", re.ASCII)


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
    """

    info_hash: InfoHash
    name: str
    size: int
    contacts: tuple[str, ...]
    online: bool
    claims: tuple[Claim, ...] = ()
    annotation: Annotation = NO_ANNOTATION


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


def folded(name: str) -> str:
    """The form of a name for comparison: one line, without case and composition."""
    return caseless(name).replace("\n", " ")


def _smallest_first(share: Share) -> tuple[int, str]:
    return share.size, share.info_hash


def _largest_first(share: Share) -> tuple[int, str]:
    return -share.size, share.info_hash


_BY_SIZE = {"size": _smallest_first, "largest": _largest_first}

# Shares that one step puts in order; each may be the first of a run that is only then sorted.
_PORTION = 10


class NameText:
    """
    The names of some shares in one text, which is searched far faster than name by name.

    :ivar shares: the shares, ordered by name.
    """

    def __init__(self, shares: Iterable[Share]) -> None:
        """:param shares: in any order."""
        named = sorted([(folded(share.name), share.info_hash, share) for share in shares])
        self.shares = [share for _, _, share in named]
        self._names = "".join([f"{name}\n" for name, _, _ in named])
        self._hashes = "".join([info_hash[:_HASH_PART] for _, info_hash, _ in named])

    def matching(self, query: SearchQuery) -> list[tuple[str, Share]]:
        """The shares that match a query, as pairs of :func:`folded` name and share."""
        if not query.words:
            return list(zip(self._names.split("\n"), self.shares, strict=False))
        found = dict(self._lines_with(query.words))
        if query.hash_prefix:
            found.update(self._hashes_with(query.hash_prefix))
        return [(found[number], self.shares[number]) for number in sorted(found)]

    def _lines_with(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """The lines that contain all words, as pairs of number and line."""
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
        """The shares whose info-hash has a prefix, as pairs of number and name."""
        part = prefix[:_HASH_PART]
        at = self._hashes.find(part)
        while at >= 0:
            number, misplaced = divmod(at, _HASH_PART)
            share = self.shares[number]
            if not misplaced and share.info_hash.startswith(prefix):
                yield number, folded(share.name)
            at = self._hashes.find(part, at + 1)


class SearchQuery:
    """
    A query.

    :ivar tags: the share must have all of these tags, in any case.
    :ivar words: the name must contain all of them.
    :ivar hash_prefix: a prefix of the info-hash that matches instead; empty if the query is none.
    """

    def __init__(self, text: str) -> None:
        """
        :param text: words in any case, the first six or more digits of an info-hash, or a magnet
            link; with ``tag:NAME`` or ``tag:"TWO WORDS"`` for each tag.
        """
        self.tags = frozenset(caseless(tag.strip('"')) for tag in _TAG.findall(text))
        text = _TAG.sub("", text) if self.tags else text
        self.words = tuple(caseless(_hash_in(text) or text).split())
        self._phrase = " ".join(self.words)
        self._starts = [re.compile(rf"(?<![^\W_]){re.escape(word)}") for word in self.words]
        is_hash = len(self._phrase) >= _HASH_DIGITS and _HEX.fullmatch(self._phrase)
        self.hash_prefix = self._phrase if is_hash else ""

    def leaves_out(self, share: Share) -> bool:
        """Whether a share lacks one of the tags."""
        return not self.tags <= set(map(caseless, share.annotation.tags))

    def rank(self, name: str, share: Share) -> int:
        """
        Rank a share that matches.

        :param name: of the share, :func:`folded`.
        :returns: 0 if the query is the whole name or the info-hash, 1 if the name starts with it, 2
            if words of the name start with its words, 3 if it is within words.
        """
        if name.startswith(self._phrase):
            return 0 if len(name) == len(self._phrase) else 1
        if self.hash_prefix and share.info_hash.startswith(self.hash_prefix):
            return 0
        for start in self._starts:
            if not start.search(name):
                return 3
        return 2


def _hash_in(text: str) -> str | None:
    try:
        return wanted_hash(text) if is_magnet(text) else None
    except InvalidValue:
        return None


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

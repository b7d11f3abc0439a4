"""Finding shares by name or info-hash, best matches first."""

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

#: What a search can sort by: ``size`` is the smallest first, ``match`` the best match first, online
#: before away.
SORTS = ("name", "size", "largest", "online", "match")

# A tag in a query: tag:NAME, or tag:"TWO WORDS".
_TAG = re.compile(r'(?<!\S)tag:("[^"]*"|\S+)', re.IGNORECASE)

# Digits of an info-hash that are enough to look for it.
_HASH_DIGITS = 6
# Digits of each info-hash that are looked through.
_HASH_PART = 8
_HEX = re.compile("[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What is said of a torrent, and who says it.

    :param contacts: bare JIDs, sorted; none where only our own copy tells it.
    """

    name: str
    size: int
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """
    One share, with everybody who has it.

    :param name: as our own copy has it, else as most contacts say.
    :param size: the same.
    :param contacts: bare JIDs, sorted.
    :param online: whether at least one of them is there now.
    :param claims: who says which name and size, if not all say the same; what is shown comes first.
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
    """A name as it is compared: in one line, and the same in any case and composition."""
    return caseless(name).replace("\n", " ")


def _smallest_first(share: Share) -> tuple[int, str]:
    return share.size, share.info_hash


def _largest_first(share: Share) -> tuple[int, str]:
    return -share.size, share.info_hash


_BY_SIZE = {"size": _smallest_first, "largest": _largest_first}

# Shares that are put in order in one step; each may be the first one looked at of a list that is to
# be put in order for it.
_PORTION = 10


class NameText:
    """
    The names of some shares in one text, which is far quicker to search than one by one.

    :ivar shares: those that it was made of, in the order of their names.
    """

    def __init__(self, shares: Iterable[Share]) -> None:
        named = sorted([(folded(share.name), share.info_hash, share) for share in shares])
        self.shares = [share for _, _, share in named]
        self._names = "".join([f"{name}\n" for name, _, _ in named])
        self._hashes = "".join([info_hash[:_HASH_PART] for _, info_hash, _ in named])

    def matching(self, query: SearchQuery) -> list[tuple[str, Share]]:
        """The shares that match a query, each after its name as :func:`folded` gives it."""
        if not query.words:
            return list(zip(self._names.split("\n"), self.shares, strict=False))
        found = dict(self._lines_with(query.words))
        if query.hash_prefix:
            found.update(self._hashes_with(query.hash_prefix))
        return [(found[number], self.shares[number]) for number in sorted(found)]

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
            share = self.shares[number]
            if not misplaced and share.info_hash.startswith(prefix):
                yield number, folded(share.name)
            at = self._hashes.find(part, at + 1)


class SearchQuery:
    """
    What is looked for.

    :ivar tags: must all be among the tags of the share, in any case.
    :ivar words: must all stand in the name.
    :ivar hash_prefix: how the info-hash may begin instead; empty if the query is no such beginning.
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


def _hash_in(text: str) -> str | None:
    try:
        return wanted_hash(text) if is_magnet(text) else None
    except InvalidValue:
        return None


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
    What a query without words finds.

    It ranks nothing: the lists are in order, and who is looked at first in the end is online or
    away as a whole.
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
        :param lists: of every resource that counts, those who are online first, the names of what
            it shares, and what of it somebody else has, too.
        :param away: whether nobody who has a torrent is there now.
        :param only: what of it counts.
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
        """Those that count, without some."""
        if self._only.by_size:
            smallest, largest = self._only.min_size, self._only.max_size
            shares = [share for share in shares if smallest <= share.size <= largest]
        return [share for share in shares if share.info_hash not in hidden] if hidden else shares


def _in_order(shares: Sequence[Share], sort: str) -> Iterable[Share]:
    """
    Put shares in order when somebody looks at the second one; the first one is there at once.

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

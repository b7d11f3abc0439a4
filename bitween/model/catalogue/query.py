"""
What a search asks for, and the names that it looks through.

:class:`NameText` holds all names of a device in one text, so that one scan by ``str.find`` finds
the names that contain a word, instead of a loop over names.  :class:`SearchQuery` reads what the
user typed, and ranks the shares that match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bitween.errors import InvalidValue
from bitween.model.announcement import Share
from bitween.model.magnet import is_magnet, wanted_hash
from bitween.model.text import caseless

# A tag in a query: tag:NAME, or tag:"TWO WORDS".
_TAG = re.compile(r'(?<!\S)tag:("[^"]*"|\S+)', re.IGNORECASE)

# Digits of an info-hash that suffice to search for it.
_HASH_DIGITS = 6
# Digits of each info-hash in the text that is searched.
_HASH_PART = 8
_HEX = re.compile("[0-9a-f]+", re.ASCII)


def folded(name: str) -> str:
    """The form of a name for comparison: one line, without case and composition."""
    return caseless(name).replace("\n", " ")


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

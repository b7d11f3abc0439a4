"""
Our share list with its history, so that a contact reads only what has changed.

Each change of the list (a share added, changed or removed) gets the next *revision*, a number.  The
list has an *id*, which names its history: revisions of two lists cannot be compared.  A contact
that knows the list up to a revision asks for the changes after it.  Of removals only the latest are
remembered; a contact that missed an older one, below the *horizon*, reads the whole list again.

The application updates the list whenever our shares change, through
``bitween.xmpp.shares.published_list``, which stores each change before any contact learns of it.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Protocol

from bitween.model.announcement import Share
from bitween.model.torrent import InfoHash

#: Removals that are remembered; a contact that missed an older one reads the whole list again.
MAX_GONE = 2000

_info_hash = attrgetter("info_hash")
_revision = attrgetter("revision")


@dataclass(frozen=True, slots=True)
class Change:
    """
    The latest change of a share.

    :param revision: the revision of the list with this change.
    :param share: the new share; ``None`` if it was removed.
    """

    revision: int
    info_hash: InfoHash
    share: Share | None


@dataclass(frozen=True, slots=True)
class Update:
    """
    The result of an update of the list.

    :param changes: in order of revision.
    :param forgotten: removals that are no longer remembered.
    """

    changes: tuple[Change, ...] = ()
    forgotten: tuple[InfoHash, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


class ShareList:
    """
    Shares and removals, each with the revision of its latest change.

    A change gives the list its next revision, and is the last one in order.  So a reader who goes
    through the changes in order misses none, whatever changes meanwhile.

    :ivar list_id: names this history.
    :ivar revision: of the latest change.
    :ivar horizon: removals up to this revision are no longer remembered.
    :ivar size: bytes of all shares together.
    """

    def __init__(
        self,
        list_id: str,
        changes: Iterable[Change] = (),
        horizon: int = 0,
        most_gone: int = MAX_GONE,
    ) -> None:
        """
        :param list_id: names this history.
        :param changes: at most one for each info-hash, in order of revision.
        :param horizon: removals up to this revision are not among the changes.
        :param most_gone: removals to remember.
        """
        self._most_gone = most_gone
        self._begin(list_id, changes, horizon)

    def _begin(self, list_id: str, changes: Iterable[Change], horizon: int) -> None:
        self.list_id = list_id
        self.horizon = horizon
        self.revision = horizon
        self.size = 0
        self._log: list[Change] = []
        self._last: dict[InfoHash, Change] = {}
        self._shares: dict[InfoHash, Share] = {}
        self._gone: dict[InfoHash, None] = {}
        for change in changes:
            self._take(change)
        self._latest = list(self._shares.values())

    def __len__(self) -> int:
        return len(self._shares)

    def update(self, shares: list[Share]) -> Update:
        """
        Set the current shares.

        :param shares: each info-hash once; the caller does not change the list afterwards.  Parts
            at the beginning and the end that have not changed cost almost nothing.
        """
        before, now = _differing(self._latest, shares)
        kept = set(map(_info_hash, now))
        gone = [share.info_hash for share in before if share.info_hash not in kept]
        changed = [share for share in now if self._shares.get(share.info_hash) != share]
        self._latest = shares
        made = [self._next(info_hash, None) for info_hash in gone]
        made += [self._next(share.info_hash, share) for share in changed]
        return Update(tuple(made), tuple(self._forget()))

    def renew(self, list_id: str) -> tuple[Change, ...]:
        """
        Begin a new history with the current shares.

        :param list_id: names the new history.
        :returns: all changes of the new history.
        """
        current = [change.share for change in self.changes(0) if change.share is not None]
        self._begin(list_id, (Change(n, s.info_hash, s) for n, s in enumerate(current, 1)), 0)
        return tuple(self._log)

    def changes(self, after: int, known: int = 0) -> Iterator[Change]:
        """
        The changes after a revision, in order.

        :param after: a revision; 0 for all changes.
        :param known: removals up to this revision are left out.
        """
        start = bisect_right(self._log, after, key=_revision)
        for change in islice(self._log, start, None):
            if self._in_force(change) and (change.share is not None or change.revision > known):
                yield change

    def newest_first(self) -> Iterator[Change]:
        """All changes that are remembered, the latest first."""
        return filter(self._in_force, reversed(self._log))

    def about(self, after: int) -> int:
        """The number of changes after a revision, approximately."""
        return len(self._log) - bisect_right(self._log, after, key=_revision)

    def _next(self, info_hash: InfoHash, share: Share | None) -> Change:
        change = Change(self.revision + 1, info_hash, share)
        self._take(change)
        return change

    def _take(self, change: Change) -> None:
        info_hash, share = change.info_hash, change.share
        self.revision = change.revision
        self._log.append(change)
        self._last[info_hash] = change
        self._gone.pop(info_hash, None)
        before = self._shares.pop(info_hash, None)
        self.size -= before.size if before else 0
        if share is None:
            self._gone[info_hash] = None
        else:
            self._shares[info_hash] = share
            self.size += share.size

    def _forget(self) -> Iterator[InfoHash]:
        while len(self._gone) > self._most_gone:
            info_hash = next(iter(self._gone))
            del self._gone[info_hash]
            self.horizon = self._last.pop(info_hash).revision
            yield info_hash
        if len(self._log) > 2 * len(self._last) + 100:
            self._log = list(filter(self._in_force, self._log))

    def _in_force(self, change: Change) -> bool:
        return self._last.get(change.info_hash) is change


def _differing(one: list[Share], other: list[Share]) -> tuple[list[Share], list[Share]]:
    """The parts of two lists that differ, without their common beginning and end."""
    start = _same(one, other)
    one, other = one[start:], other[start:]
    end = _same(one[::-1], other[::-1])
    return one[: len(one) - end], other[: len(other) - end]


def _same(one: list[Share], other: list[Share]) -> int:
    """The length of the common beginning of two lists."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        # Slices of the same objects are compared a hundred times as fast as share by share.
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class ListMemory(Protocol):
    """Stores the list from one run to the next."""

    def share_list(self) -> ShareList:
        """The list as it was stored, or a new one."""

    def keep_update(self, shares: ShareList, update: Update) -> None:
        """
        Store what an update changed.

        :param shares: the list after the update, whose id and horizon are stored, too.
        :raises StoreError: if that is not possible.
        """

    def keep_anew(self, shares: ShareList, changes: Sequence[Change]) -> None:
        """
        Replace the stored list.

        :param shares: the list, whose id and horizon are stored, too.
        :param changes: all changes of the list.
        :raises StoreError: if that is not possible.
        """


def new_list_id() -> str:
    """Draw a unique id."""
    return secrets.token_hex(8)

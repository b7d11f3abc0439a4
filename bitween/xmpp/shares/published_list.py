"""Our share list, stored from one run to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from bitween.errors import StoreError
from bitween.model.announcement import Share
from bitween.model.share_list import ListMemory, ShareList, new_list_id


class PublishedList:
    """
    Holds our list, and stores every change before it is published.

    :ivar shares: the list; changed through this object only.
    """

    _log = Logger()

    def __init__(self, memory: ListMemory) -> None:
        """:param memory: has the list of the last run, and stores the changes."""
        self._memory = memory
        self.shares = memory.share_list()

    def update(self, shares: Sequence[Share]) -> bool:
        """
        Set what is shared now.

        :param shares: each info-hash once.
        :returns: whether the list has changed.
        """
        update = self.shares.update(list(shares))
        if update:
            self._store(lambda: self._memory.keep_update(self.shares, update))
        return bool(update)

    def renew(self) -> None:
        """Begin a new history: contacts know a later revision than we do."""
        changes = self.shares.renew(new_list_id())
        self._store(lambda: self._memory.keep_anew(self.shares, changes))

    def _store(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StoreError as error:
            # The list stays correct; contacts may have to read all of it after the next start.
            self._log.error("could not store the share list: {error}", error=error)


class NoMemory:
    """Stores nothing: every run begins a new list."""

    def share_list(self) -> ShareList:
        """Begin a new list."""
        return ShareList(new_list_id())

    def keep_update(self, *_: object) -> None:
        """Do nothing."""

    def keep_anew(self, *_: object) -> None:
        """Do nothing."""

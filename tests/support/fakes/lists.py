"""Share lists for tests."""

from __future__ import annotations

from collections.abc import Sequence

from bitween.model.announcement import Share
from bitween.model.share_list import Change, ShareList, Update
from bitween.model.torrent import parse_info_hash


def numbered(count: int, name: str = "name") -> list[Share]:
    """Shares of some 114 bytes on the wire, as a rule."""
    return [Share(parse_info_hash(f"{n:040x}"), f"{name} {n}", n) for n in range(count)]


def listed(shares: Sequence[Share], list_id: str = "list") -> ShareList:
    """A list of these, each added with a revision of its own."""
    made = ShareList(list_id)
    made.update(list(shares))
    return made


class Memory:
    """
    Remembers a list as it was when it was kept last.

    :ivar kept: how often something was kept.
    """

    def __init__(self, shares: ShareList | None = None) -> None:
        self._shares = shares or ShareList("list")
        self.kept = 0

    def share_list(self) -> ShareList:
        """A copy of the list."""
        kept = self._shares
        return ShareList(kept.list_id, kept.changes(0), kept.horizon)

    def keep_update(self, shares: ShareList, _: Update) -> None:
        """Keep it."""
        self._shares = ShareList(shares.list_id, shares.changes(0), shares.horizon)
        self.kept += 1

    def keep_anew(self, shares: ShareList, changes: Sequence[Change]) -> None:
        """Keep it."""
        self._shares = ShareList(shares.list_id, changes)
        self.kept += 1

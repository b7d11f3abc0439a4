"""The share list that contacts know, with its history."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from bitween.errors import InvalidValue
from bitween.model.announcement import Share
from bitween.model.share_list import Change, ShareList, Update, new_list_id
from bitween.model.torrent import parse_info_hash
from bitween.storage.annotation_json import annotation_text, read_annotation
from bitween.storage.seal_column import read_seal
from bitween.storage.sqlite import SqliteTables


class ShareListTable(SqliteTables):
    """Stores our share list, so that its revisions go on after a restart."""

    def share_list(self) -> ShareList:
        """The list as it was stored, or a new one."""
        list_id = self._meta("list_id")
        if list_id is None:
            return ShareList(new_list_id())
        rows = self._query(
            "SELECT info_hash, revision, name, size, annotation, seal FROM share_list"
            " ORDER BY revision"
        )
        try:
            changes = [_change(row) for row in rows]
            horizon = int(self._meta("list_horizon") or 0)
        except ValueError as error:
            self._log.error("the stored share list is damaged, and a new one begins: {e}", e=error)
            return ShareList(new_list_id())
        return ShareList(list_id, changes, horizon)

    def keep_update(self, shares: ShareList, update: Update) -> None:
        """Store what an update of the list changed."""
        with self._transaction() as connection:
            self._keep_changes(connection, shares, update.changes)
            connection.executemany(
                "DELETE FROM share_list WHERE info_hash = ?", [(h,) for h in update.forgotten]
            )

    def keep_anew(self, shares: ShareList, changes: Sequence[Change]) -> None:
        """Replace the stored list."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM share_list")
            self._keep_changes(connection, shares, changes)

    @staticmethod
    def _keep_changes(
        connection: sqlite3.Connection, shares: ShareList, changes: Sequence[Change]
    ) -> None:
        rows = map(_row, changes)
        connection.executemany("INSERT OR REPLACE INTO share_list VALUES (?, ?, ?, ?, ?, ?)", rows)
        meta = (("list_id", shares.list_id), ("list_horizon", str(shares.horizon)))
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta)


def _row(change: Change) -> tuple[object, ...]:
    share = change.share
    if share is None:
        return change.info_hash, change.revision, None, 0, None, None
    annotation = annotation_text(share.annotation)
    seal = share.seal or None
    return share.info_hash, change.revision, share.name, share.size, annotation, seal


def _change(row: Sequence[Any]) -> Change:
    """:raises ValueError: if the row is damaged."""
    info_hash, revision, name, size, annotation, seal = row
    parsed = parse_info_hash(info_hash)
    if not isinstance(revision, int) or not isinstance(size, int):
        raise InvalidValue(f"{parsed} has no revision, or no size")
    if name is None:
        return Change(revision, parsed, None)
    if not isinstance(name, str):
        raise InvalidValue(f"the name of {parsed} is not text")
    share = Share(parsed, name, size, read_annotation(annotation), read_seal(seal))
    return Change(revision, parsed, share)

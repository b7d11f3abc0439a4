"""The roster as we last acted on it, as far as it decides about access."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bitween.model.access import Reader
from bitween.storage.sqlite import SqliteTables


class ReaderTable(SqliteTables):
    """Stores who was a contact, and in which roster groups."""

    def readers(self) -> dict[str, Reader]:
        """The contacts, by bare JID; a damaged row counts as a contact without groups."""
        rows = self._query("SELECT jid, groups, blocked FROM readers")
        return {
            jid: Reader(jid, _groups(groups), contact=True, blocked=bool(blocked))
            for jid, groups, blocked in rows
            if isinstance(jid, str)
        }

    def keep_readers(self, changed: Mapping[str, Reader]) -> None:
        """
        Store some readers.

        :param changed: by bare JID; of those who are no contacts nothing is stored.
        """
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM readers WHERE jid = ?",
                [(jid,) for jid, reader in changed.items() if not reader.contact],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO readers VALUES (?, ?, ?)",
                [
                    (jid, json.dumps(sorted(reader.groups)), reader.blocked)
                    for jid, reader in changed.items()
                    if reader.contact
                ],
            )


def _groups(text: object) -> frozenset[str]:
    try:
        groups = json.loads(text) if isinstance(text, str) else []
        return frozenset(group for group in groups if isinstance(group, str))
    except (ValueError, TypeError):
        return frozenset()

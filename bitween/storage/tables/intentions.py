"""The paths to share that are not hashed yet."""

from __future__ import annotations

import json
import os

from bitween.model.access import Access
from bitween.model.intention import Intention
from bitween.storage.access_json import access_value, read_access
from bitween.storage.sqlite import SqliteTables


class IntentionTable(SqliteTables):
    """Stores the paths that are to be hashed, so that a restart goes on with them."""

    def intend(self, intention: Intention) -> None:
        """Store a path that is to be shared; of a path that is stored, all but the path changes."""
        access = None if intention.access is None else json.dumps(access_value(intention.access))
        self._write(
            "INSERT INTO intentions (path, strict, access) VALUES (?, ?, ?)"
            " ON CONFLICT (path) DO UPDATE SET strict = excluded.strict, access = excluded.access",
            (os.fsencode(intention.path), intention.strict, access),
        )

    def settled(self, path: str) -> None:
        """Remove a path: it is shared now, or never will be."""
        self._write("DELETE FROM intentions WHERE path = ?", (os.fsencode(path),))

    def intended(self) -> list[Intention]:
        """The paths that an earlier run did not get to, oldest first."""
        rows = self._query("SELECT path, strict, access FROM intentions ORDER BY number")
        return [
            Intention(os.fsdecode(path), bool(strict), None if access is None else _access(access))
            for path, strict, access in rows
            if isinstance(path, bytes)
        ]


def _access(text: object) -> Access:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        value = None
    return read_access(value)

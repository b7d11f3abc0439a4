"""The paths to share that are not hashed yet."""

from __future__ import annotations

import os

from bitween.model.intention import Intention
from bitween.storage.sqlite import SqliteTables


class IntentionTable(SqliteTables):
    """Stores the paths that are to be hashed, so that a restart goes on with them."""

    def intend(self, intention: Intention) -> None:
        """Store a path that is to be shared; a path that is stored gets the new strictness."""
        self._write(
            "INSERT INTO intentions (path, strict) VALUES (?, ?)"
            " ON CONFLICT (path) DO UPDATE SET strict = excluded.strict",
            (os.fsencode(intention.path), intention.strict),
        )

    def settled(self, path: str) -> None:
        """Remove a path: it is shared now, or never will be."""
        self._write("DELETE FROM intentions WHERE path = ?", (os.fsencode(path),))

    def intended(self) -> list[Intention]:
        """The paths that an earlier run did not get to, oldest first."""
        return [
            Intention(os.fsdecode(path), bool(strict))
            for path, strict in self._query("SELECT path, strict FROM intentions ORDER BY number")
            if isinstance(path, bytes)
        ]

"""Copying what can be read of a damaged database."""

from __future__ import annotations

import contextlib
import sqlite3

from twisted.trial.unittest import SynchronousTestCase

from bitween.storage.recovery import salvage

_TORRENTS = (
    "CREATE TABLE torrents"
    " (info_hash TEXT PRIMARY KEY, torrent_file BLOB, root BLOB, shared, complete);"
)


class SalvageTests(SynchronousTestCase):
    """Rows that the new tables do not take."""

    def test_a_row_that_breaks_the_tables_rules_is_skipped(self) -> None:
        """Damage can read as an impossible value; the rows beside it are copied."""
        path = self.mktemp()
        with contextlib.closing(sqlite3.connect(path)) as old, old:
            old.executescript(f"{_TORRENTS} CREATE TABLE traffic (jid TEXT PRIMARY KEY, bytes);")
            old.executemany("INSERT INTO traffic VALUES (?, ?)", [("a", 1), ("b", -1), ("c", 3)])
        with contextlib.closing(sqlite3.connect(":memory:")) as new:
            new.executescript(
                f"{_TORRENTS} CREATE TABLE traffic"
                " (jid TEXT PRIMARY KEY, bytes INTEGER NOT NULL CHECK (bytes >= 0));"
            )
            self.assertEqual(salvage(path, new), {"torrents": 0, "traffic": 2})
            self.assertEqual(
                new.execute("SELECT * FROM traffic ORDER BY jid").fetchall(), [("a", 1), ("c", 3)]
            )

    def test_a_missing_table_counts_as_empty(self) -> None:
        """A database that has lost a table gives the others."""
        path = self.mktemp()
        with contextlib.closing(sqlite3.connect(path)) as old, old:
            old.executescript(_TORRENTS)
            old.execute("INSERT INTO torrents VALUES ('ab', NULL, NULL, 1, 1)")
        with contextlib.closing(sqlite3.connect(":memory:")) as new:
            new.executescript(f"{_TORRENTS} CREATE TABLE traffic (jid TEXT PRIMARY KEY, bytes);")
            self.assertEqual(salvage(path, new), {"torrents": 1, "traffic": 0})
            # Without metadata it is a download that finds its files.
            self.assertEqual(
                new.execute("SELECT shared, complete FROM torrents").fetchall(), [(0, 0)]
            )

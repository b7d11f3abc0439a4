"""The connection to the database that all tables share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from twisted.logger import Logger

from bitween.errors import StoreError


class SqliteTables:
    """
    What the classes of the tables have in common; every write is one transaction.

    Methods that read or write raise :class:`StoreError` if the database cannot be used.

    :ivar path: the file.
    """

    _log = Logger()

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """See :meth:`bitween.storage.database.Database.open`."""
        self._connection = connection
        self.path = path

    def _meta(self, key: str) -> str | None:
        rows = self._query("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def _set_meta(self, key: str, value: str) -> None:
        self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _write(self, sql: str, values: tuple[object, ...]) -> None:
        try:
            self._execute(sql, values)
        except sqlite3.OperationalError:
            # On a full disk the log cannot grow.  A checkpoint copies its content into the
            # database, so that its beginning can be overwritten.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)")
            with self._transaction() as connection:
                connection.execute(sql, values)
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _execute(self, sql: str, values: tuple[object, ...]) -> None:
        with self._connection:
            self._connection.execute(sql, values)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection:
                yield self._connection
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the database {self.path!r} cannot be used: {error}", "check the disk it lies on"
        )

"""
What outlives the daemon, in an SQLite database.

The tables of each concern have a class of their own in ``tables/``, and :class:`Database` is all of
them on one connection: the parts of bitween get it under ports of their own, and so see only what
they need.  A new concern is a new class there, and a script in ``migrations.py``.

A damaged database is set aside, and what can be read of it is copied into a new one
(``recovery.py``).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress

from bitween.errors import StoreError
from bitween.storage.migrations import migrate
from bitween.storage.recovery import salvage
from bitween.storage.state_dir import make_private
from bitween.storage.tables.devices import DeviceKeyTable
from bitween.storage.tables.intentions import IntentionTable
from bitween.storage.tables.readers import ReaderTable
from bitween.storage.tables.settings import SettingTable
from bitween.storage.tables.share_list import ShareListTable
from bitween.storage.tables.torrents import TorrentTable
from bitween.storage.tables.traffic import TrafficTable


class Database(
    TorrentTable,
    IntentionTable,
    ShareListTable,
    TrafficTable,
    DeviceKeyTable,
    ReaderTable,
    SettingTable,
):
    """
    The database; every call is one short transaction, which survives the end of the process.

    :ivar was_clean: whether the last run ended properly: only then is its resume data current.
    """

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """See :meth:`open`."""
        super().__init__(connection, path)
        self.was_clean = self._meta("clean_exit") != "0"
        self._set_meta("clean_exit", "0")

    @classmethod
    def open(cls, path: str) -> Database:
        """
        Open the database, or create it.

        A damaged one is renamed, and a new one gets what can still be read of it.

        :raises StoreError: if that is not possible, or a newer bitween wrote the database.
        """
        try:
            return cls(_connect(path), path)
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreError(
                f"{path!r} cannot be opened: {error}",
                "check its permissions and the disk it lies on",
            ) from None
        except sqlite3.DatabaseError as error:
            return cls._recovered(path, error)

    @classmethod
    def _recovered(cls, path: str, error: sqlite3.DatabaseError) -> Database:
        aside = _set_aside(path)
        connection = _connect(path)
        kept: Mapping[str, int] = {}
        try:
            kept = salvage(aside, connection)
        except sqlite3.Error as worse:
            cls._log.warn("nothing can be read of {aside!r}: {error}", aside=aside, error=worse)
        store = cls(connection, path)
        # The resume data that could be read may be old.
        store.was_clean = False
        cls._log.warn(
            "the database {path!r} is damaged ({error}): it is kept as {aside!r}; {count} torrents"
            " could be read of it: if some are missing, share them again",
            path=path,
            error=error,
            aside=aside,
            count=kept.get("torrents", 0),
        )
        return store

    def close(self, clean: bool = True) -> None:
        """
        Close the database.

        :param clean: whether all resume data in it is current.
        """
        if clean:
            try:
                self._set_meta("clean_exit", "1")
            except StoreError as error:
                self._log.error("{error}; everything is verified at the next start", error=error)
        self._connection.close()


def _connect(path: str) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path)
    try:
        with closing(connection.cursor()) as cursor:
            # NORMAL loses nothing when the process is killed, and saves an fsync for each write.
            cursor.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON"
            )
            if cursor.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its check fails")
            migrate(cursor, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(path: str) -> str:
    aside = f"{path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)
    return aside

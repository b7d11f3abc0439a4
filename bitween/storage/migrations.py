"""
The tables of the database, version by version.

Never change a script that was published: add another.  Paths are blobs, since a path need not be
UTF-8.  Resume data has a table of its own, since SQLite writes whole rows, and a torrent file may
be large.
"""

from __future__ import annotations

import re
import sqlite3

from bitween.errors import StoreError

#: One script a version; PRAGMA user_version counts those that were run.
MIGRATIONS = (
    """
    CREATE TABLE torrents (
        info_hash TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        folder BLOB NOT NULL,
        root BLOB,
        added REAL NOT NULL,
        shared INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        torrent_file BLOB
    ) WITHOUT ROWID;
    CREATE TABLE resume_data (
        info_hash TEXT PRIMARY KEY REFERENCES torrents ON DELETE CASCADE,
        data BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE intentions (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    # The share list's history; a share that is gone has no name.
    """
    CREATE TABLE share_list (
        info_hash TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        name TEXT,
        size INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE torrents ADD COLUMN stamp TEXT;",
    # Options are JSON, null where there are none.  A row of traffic belongs to a contact.
    """
    ALTER TABLE torrents ADD COLUMN completed REAL;
    ALTER TABLE torrents ADD COLUMN wishes TEXT;
    CREATE TABLE traffic (
        jid TEXT PRIMARY KEY,
        downloaded INTEGER NOT NULL,
        uploaded INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    # Null where bitween 0.1 chose the names.
    "ALTER TABLE torrents ADD COLUMN naming TEXT;",
    # Before this, a download that found its files on the disk looked like any other.
    """
    ALTER TABLE torrents ADD COLUMN origin TEXT;
    UPDATE torrents SET origin = 'fetched' WHERE NOT shared AND NOT complete;
    """,
    "ALTER TABLE intentions ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;",
    # JSON, null where there is no note and no tag.
    "ALTER TABLE share_list ADD COLUMN annotation TEXT;",
    # Packed (bitween.model.seal), null where the share is plain.
    "ALTER TABLE share_list ADD COLUMN seal BLOB;",
    # Packed (bitween.model.seal), null where a torrent is plain.
    "ALTER TABLE torrents ADD COLUMN seal BLOB;",
    # By full JID.  Verified is a time; issued is JSON: the last times of signing by kind.
    """
    CREATE TABLE devices (
        device TEXT PRIMARY KEY,
        key BLOB NOT NULL,
        verified REAL,
        distrusted INTEGER NOT NULL,
        issued TEXT NOT NULL
    );
    """,
    # The roster as we last acted on it; groups are JSON.
    """
    CREATE TABLE readers (
        jid TEXT PRIMARY KEY,
        groups TEXT NOT NULL,
        blocked INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    # JSON, null where the user has not chosen.
    "ALTER TABLE intentions ADD COLUMN access TEXT;",
)

# SQLite's message where a table or column that a script would make exists already.
_EXISTS = re.compile("duplicate column|already exists")


def migrate(cursor: sqlite3.Cursor, path: str) -> None:
    """
    Bring a database to the current version.

    :param path: names the database in errors.
    :raises StoreError: if a newer bitween wrote it.
    :raises sqlite3.DatabaseError: if its version is wrong, or a script fails.
    """
    version = int(cursor.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise sqlite3.DatabaseError("its version is negative")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path!r} was written by a newer bitween",
            "install that version, or choose another state directory with --state-dir",
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        try:
            cursor.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT")
        except sqlite3.OperationalError as error:
            if not _EXISTS.search(str(error)):
                raise
            raise sqlite3.DatabaseError(
                f"its version, {version}, is lower than that of its tables: {error}"
            ) from None

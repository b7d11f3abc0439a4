"""What survives the daemon: our torrents and their resume data, in an SQLite database."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from twisted.logger import Logger

from bitween.errors import InvalidValue, StoreError
from bitween.model.announcement import Share
from bitween.model.days_online import DaysOnline
from bitween.model.intention import Intention
from bitween.model.share_list import Change, ShareList, Update, new_list_id
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.model.torrent_options import Limits, TorrentOptions
from bitween.model.traffic import Traffic
from bitween.storage.options_json import wishes_text
from bitween.storage.recovery import salvage
from bitween.storage.state_dir import make_private
from bitween.storage.torrent_record import TorrentRecord, read_record

# One script a version; PRAGMA user_version counts those that were run.  Never change one that was
# published: add another.  Paths are blobs, for a path need not be UTF-8.  Resume data has a table
# of its own, for SQLite writes whole rows, and a torrent file may be large.
_MIGRATIONS = (
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
    # Wishes are JSON, null where there are none.  A row of traffic is a contact's.
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
    # Before this, a download that found its files complete on the disk was not told apart.
    """
    ALTER TABLE torrents ADD COLUMN origin TEXT;
    UPDATE torrents SET origin = 'fetched' WHERE NOT shared AND NOT complete;
    """,
    "ALTER TABLE intentions ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;",
)

# What SQLite says of a table or column that a migration would make and that is there already.
_EXISTS = re.compile("duplicate column|already exists")

_MAX_PORT = 65535
_PORT = re.compile("[1-9][0-9]{0,4}")

_COLUMNS = (
    "info_hash, name, folder, root, added, shared, complete, torrent_file, stamp, completed, wishes"
    ", naming, origin"
)


class Database:
    """
    The database; every call is one short transaction, durable over the end of the process.

    :ivar path: where it lies.
    :ivar was_clean: whether the last run ended as it should: only then its resume data is true.
    """

    _log = Logger()

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """See :meth:`open`."""
        self._connection = connection
        self.path = path
        self.was_clean = self._meta("clean_exit") != "0"
        self._set_meta("clean_exit", "0")

    @classmethod
    def open(cls, path: str) -> Database:
        """
        Open the database, or make it.

        One that is damaged is set aside under another name, and a new one is begun with what can
        still be read of it.

        :raises StoreError: if that is not possible, or a newer bitween made the database.
        """
        try:
            return cls(_connect(path), path)
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreError(
                f"{path!r} cannot be opened: {error}",
                "check its permissions and the disk it lies on",
            ) from None
        except sqlite3.DatabaseError as error:
            return cls._begun_anew(path, error)

    @classmethod
    def _begun_anew(cls, path: str, error: sqlite3.DatabaseError) -> Database:
        aside = _set_aside(path)
        connection = _connect(path)
        kept: Mapping[str, int] = {}
        try:
            kept = salvage(aside, connection)
        except sqlite3.Error as worse:
            cls._log.warn("nothing can be read of {aside!r}: {error}", aside=aside, error=worse)
        store = cls(connection, path)
        # What was read of resume data may be of any age.
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

        :param clean: whether all resume data in it is of now.
        """
        if clean:
            try:
                self._set_meta("clean_exit", "1")
            except StoreError as error:
                self._log.error("{error}; everything is verified at the next start", error=error)
        self._connection.close()

    # ---- torrents

    def torrents(self) -> Iterator[TorrentRecord]:
        """
        Every torrent, oldest first; read one a step, so that the others may change meanwhile.

        One that makes no sense is left out, and stays as it is: a later version may have made it.
        """
        for (info_hash,) in self._query("SELECT info_hash FROM torrents ORDER BY added, info_hash"):
            rows = self._query(
                f"SELECT {_COLUMNS} FROM torrents WHERE info_hash = ?",  # noqa: S608  # a constant
                (info_hash,),
            )
            for row in rows:
                try:
                    record = read_record(row)
                except InvalidValue as error:
                    self._log.error(
                        "a torrent in the database makes no sense and is left out: {error}",
                        error=error,
                    )
                else:
                    yield record

    def put(self, record: TorrentRecord) -> None:
        """Remember a torrent, or what is new about it; its resume data stays."""
        self._write(
            f"INSERT INTO torrents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # a constant
            " ON CONFLICT (info_hash) DO UPDATE SET name = excluded.name, folder = excluded.folder,"
            " root = excluded.root, added = excluded.added, shared = excluded.shared,"
            " complete = excluded.complete, torrent_file = excluded.torrent_file,"
            " stamp = excluded.stamp, completed = excluded.completed, wishes = excluded.wishes,"
            " naming = excluded.naming, origin = excluded.origin",
            (
                record.info_hash,
                record.name,
                os.fsencode(record.folder),
                None if record.root is None else os.fsencode(record.root),
                record.added,
                record.shared,
                record.complete,
                record.torrent_file,
                record.stamp,
                record.completed,
                wishes_text(record.wishes),
                record.naming,
                record.origin.value,
            ),
        )

    def set_complete(self, info_hash: InfoHash, stamp: str, now: float) -> None:
        """
        Remember that every byte of a torrent is on the disk, in files with this stamp.

        :param now: seconds since the epoch; counts if it was never complete before.
        """
        self._write(
            "UPDATE torrents SET complete = 1, stamp = ?, completed = coalesce(completed, ?)"
            " WHERE info_hash = ?",
            (stamp, now, info_hash),
        )

    def set_wishes(self, info_hash: InfoHash, wishes: TorrentOptions) -> None:
        """Remember what is wanted of a torrent."""
        self._write(
            "UPDATE torrents SET wishes = ? WHERE info_hash = ?", (wishes_text(wishes), info_hash)
        )

    def remove(self, info_hash: InfoHash) -> None:
        """Forget a torrent and its resume data; one that is unknown is no error."""
        self._write("DELETE FROM torrents WHERE info_hash = ?", (info_hash,))

    def resume_data(self, info_hash: InfoHash) -> bytes | None:
        """What libtorrent last said of a torrent's progress."""
        rows = self._query("SELECT data FROM resume_data WHERE info_hash = ?", (info_hash,))
        data = rows[0][0] if rows else None
        return data if isinstance(data, bytes) else None

    def put_resume_data(self, saved: Sequence[tuple[InfoHash, bytes]]) -> None:
        """Remember the progress of torrents; for one that is unknown it is dropped."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO resume_data SELECT info_hash, ?2 FROM torrents"
                " WHERE info_hash = ?1",
                saved,
            )

    # ---- paths that are to be hashed

    def intend(self, intention: Intention) -> None:
        """Remember a path that is to be shared; what was said of it last counts."""
        self._write(
            "INSERT INTO intentions (path, strict) VALUES (?, ?)"
            " ON CONFLICT (path) DO UPDATE SET strict = excluded.strict",
            (os.fsencode(intention.path), intention.strict),
        )

    def settled(self, path: str) -> None:
        """Forget it: it is shared now, or will never be."""
        self._write("DELETE FROM intentions WHERE path = ?", (os.fsencode(path),))

    def intended(self) -> list[Intention]:
        """The paths that an earlier run did not come to share, oldest first."""
        return [
            Intention(os.fsdecode(path), bool(strict))
            for path, strict in self._query("SELECT path, strict FROM intentions ORDER BY number")
            if isinstance(path, bytes)
        ]

    # ---- the share list that contacts are told

    def share_list(self) -> ShareList:
        """The list as it was kept, or a new one."""
        list_id = self._meta("list_id")
        if list_id is None:
            return ShareList(new_list_id())
        rows = self._query(
            "SELECT info_hash, revision, name, size FROM share_list ORDER BY revision"
        )
        try:
            changes = [_change(*row) for row in rows]
            horizon = int(self._meta("list_horizon") or 0)
        except ValueError as error:
            self._log.error("the list that contacts were told makes no sense: {e}", e=error)
            return ShareList(new_list_id())
        return ShareList(list_id, changes, horizon)

    def keep_update(self, shares: ShareList, update: Update) -> None:
        """Keep what an update of the list did."""
        with self._transaction() as connection:
            self._keep_changes(connection, shares, update.changes)
            connection.executemany(
                "DELETE FROM share_list WHERE info_hash = ?", [(h,) for h in update.forgotten]
            )

    def keep_anew(self, shares: ShareList, changes: Sequence[Change]) -> None:
        """Keep a list in place of the one before."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM share_list")
            self._keep_changes(connection, shares, changes)

    @staticmethod
    def _keep_changes(
        connection: sqlite3.Connection, shares: ShareList, changes: Sequence[Change]
    ) -> None:
        rows = (
            (c.info_hash, c.revision, c.share.name, c.share.size)
            if c.share
            else (c.info_hash, c.revision, None, 0)
            for c in changes
        )
        connection.executemany("INSERT OR REPLACE INTO share_list VALUES (?, ?, ?, ?)", rows)
        meta = (("list_id", shares.list_id), ("list_horizon", str(shares.horizon)))
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta)

    # ---- bytes by contact, limits, and days online

    def traffic(self) -> dict[str, Traffic]:
        """What was exchanged with each contact, by bare JID."""
        rows = self._query("SELECT jid, downloaded, uploaded FROM traffic")
        return {
            jid: Traffic(downloaded, uploaded)
            for jid, downloaded, uploaded in rows
            if isinstance(jid, str) and isinstance(downloaded, int) and isinstance(uploaded, int)
        }

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """Remember what was exchanged with some contacts."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO traffic VALUES (?, ?, ?)",
                [(jid, traffic.downloaded, traffic.uploaded) for jid, traffic in changed.items()],
            )

    def limits(self) -> tuple[Limits, Limits] | None:
        """What :meth:`keep_limits` kept."""
        try:
            usual, chosen = json.loads(self._meta("limits") or "")
            return Limits(*usual), Limits(*chosen)
        except (ValueError, TypeError):
            return None

    def keep_limits(self, configured: Limits, chosen: Limits) -> None:
        """Store the limits that the user chose, and those in the settings at this time."""
        values = [[limits.upload, limits.download] for limits in (configured, chosen)]
        self._set_meta("limits", json.dumps(values))

    def days_online(self) -> DaysOnline:
        """The days on which we were online, as far as they were kept."""
        try:
            return DaysOnline(tuple(map(float, json.loads(self._meta("days_online") or "[]"))))
        except (ValueError, TypeError):
            return DaysOnline()

    def keep_days_online(self, days: DaysOnline) -> None:
        """Remember them."""
        self._set_meta("days_online", json.dumps(days.times))

    # ---- the listen port

    @property
    def listen_port(self) -> int | None:
        """The port that was chosen in an earlier run."""
        port = self._meta("listen_port")
        return int(port) if port and _PORT.fullmatch(port) and int(port) <= _MAX_PORT else None

    @listen_port.setter
    def listen_port(self, port: int) -> None:
        self._set_meta("listen_port", str(port))

    # ---- the XMPP resource

    @property
    def resource(self) -> str | None:
        """The resource that was chosen in an earlier run."""
        return self._meta("resource")

    @resource.setter
    def resource(self, resource: str) -> None:
        self._set_meta("resource", resource)

    # ---- SQL

    @property
    def logged_in(self) -> str | None:
        """The account that has logged in last, a bare JID."""
        return self._meta("logged_in")

    @logged_in.setter
    def logged_in(self, jid: str) -> None:
        self._set_meta("logged_in", jid)

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
            # On a full disk the log cannot grow, but its beginning can be written over once what it
            # has is in the database.
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


def _change(info_hash: object, revision: object, name: object, size: object) -> Change:
    """:raises ValueError: if it makes no sense."""
    said = parse_info_hash(info_hash)
    if not isinstance(revision, int) or not isinstance(size, int):
        raise InvalidValue(f"{said} has no revision, or no size")
    if name is None:
        return Change(revision, said, None)
    if not isinstance(name, str):
        raise InvalidValue(f"the name of {said} is no text")
    return Change(revision, said, Share(said, name, size))


def _connect(path: str) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path)
    try:
        with closing(connection.cursor()) as cursor:
            # NORMAL loses nothing when a process is killed, and does without an fsync a write.
            cursor.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON"
            )
            if cursor.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its check fails")
            _migrate(cursor, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(cursor: sqlite3.Cursor, path: str) -> None:
    version = int(cursor.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise sqlite3.DatabaseError("its version is negative")
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{path!r} was written by a newer bitween",
            "install that version, or choose another state directory with --state-dir",
        )
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        try:
            cursor.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT")
        except sqlite3.OperationalError as error:
            if not _EXISTS.search(str(error)):
                raise
            raise sqlite3.DatabaseError(
                f"its version, {version}, is lower than that of its tables: {error}"
            ) from None


def _set_aside(path: str) -> str:
    aside = f"{path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)
    return aside

"""The cache of the catalogue on the disk, an SQLite database, which outlives a restart."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from bitween.errors import InvalidValue, StoreError
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, Key, ResourceRecord
from bitween.model.torrent import InfoHash
from bitween.storage.annotation_json import annotation_text, read_annotation
from bitween.storage.seal_column import read_seal
from bitween.storage.state_dir import make_private

#: Seconds for which changes are collected before they are written.
DELAY = 1.0
#: Shares that are written in one transaction, and read in one step, in a few milliseconds.
PORTION = 500

# A database of another version is discarded, like a damaged one: contacts announce all of it again.
_VERSION = 3
# By the version from which they lead to the next one: 1 had no annotations, 2 no seals.
_MIGRATIONS = {
    1: "ALTER TABLE shares ADD COLUMN annotation TEXT",
    2: "ALTER TABLE shares ADD COLUMN seal BLOB",
}
_SCHEMA = f"""
    BEGIN;
    CREATE TABLE resources (
        id INTEGER PRIMARY KEY,
        jid TEXT NOT NULL,
        resource TEXT NOT NULL,
        item_id TEXT NOT NULL,
        addresses TEXT NOT NULL,
        list_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        last_seen REAL NOT NULL,
        forgotten TEXT NOT NULL,
        UNIQUE (jid, resource)
    );
    CREATE TABLE shares (
        resource INTEGER NOT NULL,
        info_hash BLOB NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        annotation TEXT,
        seal BLOB,
        PRIMARY KEY (resource, info_hash)
    ) WITHOUT ROWID;
    PRAGMA user_version = {_VERSION};
    COMMIT;
"""
_RESOURCES = (
    "SELECT id, jid, resource, item_id, addresses, list_id, revision, complete, last_seen,"
    " forgotten FROM resources ORDER BY id"
)
_SUFFIXES = ("", "-wal", "-shm")


class _Pending:
    """
    What has to be written of one device.

    The record is written after all shares, so that a revision on the disk is never ahead of them:
    changes that are announced again do no harm, missing ones would.
    """

    def __init__(self) -> None:
        self.record: ResourceRecord | None = None
        self.emptied = False
        self.shares: dict[InfoHash, Share | None] = {}


class CatalogueCache:
    """
    The database.  A crash may lose a second of changes, which contacts announce again.

    An error of the database is logged once and ends the caching; nothing else depends on it.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, connection: sqlite3.Connection, path: str) -> None:
        """See :meth:`open`."""
        self._reactor = reactor
        self._connection: sqlite3.Connection | None = connection
        self._path = path
        self._pending: dict[Key, _Pending] = {}
        self._timer: IDelayedCall | None = None

    @classmethod
    def open(cls, reactor: IReactorTime, path: str) -> CatalogueCache:
        """
        Open the database, or create it; a damaged one is discarded.

        :raises StoreError: if a new one cannot be created either.
        """
        try:
            return cls(reactor, _connect(path), path)
        except (sqlite3.Error, OSError) as error:
            cls._discard(path, error)
        try:
            return cls(reactor, _connect(path), path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path!r} cannot be made: {error}", "check its permissions") from None

    def close(self) -> None:
        """Write all pending changes, and close."""
        self._stop_timer()
        while self._pending and self._connection is not None:
            self._write_portion()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        """
        Yield what an earlier run knew, a portion in each step; a device may come in several.

        :returns: pairs of a device and some of its shares, at most :data:`PORTION` of them.
        :raises StoreError: if the database is damaged; a new one is begun.  The caller has to drop
            what it got before, because changes of that would be stored without the rest.
        """
        try:
            yield from self._load()
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._restart(error)
            raise StoreError(f"{self._path!r} is damaged", "contacts tell it again") from None

    def _load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        for number, *row in self._query(_RESOURCES).fetchall():
            record = _record(row)
            rows = self._query(
                "SELECT info_hash, name, size, annotation, seal FROM shares WHERE resource = ?",
                number,
            )
            portion = [_share(*share) for share in rows.fetchmany(PORTION)]
            yield record, portion
            while portion := [_share(*share) for share in rows.fetchmany(PORTION)]:
                yield record, portion

    def note(self, change: CatalogueChange) -> None:
        """Store a change within :data:`DELAY`."""
        if self._connection is None or not change.records:
            return
        for key, record in change.records.items():
            pending = self._pending.setdefault(key, _Pending())
            pending.record = record
            if record is None or record.forgotten:
                pending.emptied = True
                pending.shares.clear()
        for holdings, kept in ((change.gone, False), (change.appeared, True)):
            for holding in holdings:
                if holding.private:
                    continue
                record = change.records.get((holding.jid, holding.resource))
                if record is not None and not record.forgotten:
                    shares = self._pending[holding.jid, holding.resource].shares
                    shares[holding.share.info_hash] = holding.share if kept else None
        if self._timer is None:
            self._timer = self._reactor.callLater(DELAY, self._due)

    def _due(self) -> None:
        self._timer = None
        self._write_portion()
        if self._pending:
            self._timer = self._reactor.callLater(0, self._due)

    def _write_portion(self) -> None:
        """Write a part of the pending changes, in one transaction."""
        connection = self._connection
        assert connection is not None
        room = PORTION
        try:
            with connection:
                while self._pending and room > 0:
                    key, pending = next(iter(self._pending.items()))
                    room -= self._write(key, pending, room)
                    if not pending.emptied and not pending.shares:
                        self._write_record(key, pending.record)
                        del self._pending[key]
                        room -= 1
        except sqlite3.Error as error:
            self._give_up(error)

    def _write(self, key: Key, pending: _Pending, room: int) -> int:
        """
        Write shares of one device.

        :param room: the most shares to write.
        :returns: the number of shares written.
        """
        number = self._number(key)
        if pending.emptied:
            removed = self._query(
                "DELETE FROM shares WHERE resource = ?1 AND info_hash IN"
                " (SELECT info_hash FROM shares WHERE resource = ?1 LIMIT ?2)",
                number,
                room,
            ).rowcount
            pending.emptied = removed == room
            return removed
        written = list(islice(pending.shares.items(), room))
        self._many(
            "INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?, ?, ?)",
            (_row(number, share) for share in dict(written).values() if share is not None),
        )
        self._many(
            "DELETE FROM shares WHERE resource = ? AND info_hash = ?",
            ((number, bytes.fromhex(info_hash)) for info_hash, share in written if share is None),
        )
        for info_hash, _ in written:
            del pending.shares[info_hash]
        return len(written)

    def _write_record(self, key: Key, record: ResourceRecord | None) -> None:
        if record is None:
            self._query("DELETE FROM resources WHERE jid = ? AND resource = ?", *key)
            return
        announcement = record.announcement
        self._query(
            "UPDATE resources SET item_id = ?, addresses = ?, list_id = ?, revision = ?,"
            " complete = ?, last_seen = ?, forgotten = ? WHERE id = ?",
            record.item_id,
            json.dumps([(address.address, address.port) for address in announcement.addresses]),
            announcement.list_id,
            announcement.revision,
            announcement.complete,
            record.last_seen,
            record.forgotten,
            self._number(key),
        )

    def _number(self, key: Key) -> int:
        """The row id of a device; a new one is incomplete until its record is written."""
        self._query(
            "INSERT OR IGNORE INTO resources (jid, resource, item_id, addresses, list_id, revision,"
            " complete, last_seen, forgotten) VALUES (?, ?, '', '[]', '', 0, 0, 0, '')",
            *key,
        )
        row = self._query("SELECT id FROM resources WHERE jid = ? AND resource = ?", *key)
        return int(row.fetchone()[0])

    def _query(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the database is closed")
        return self._connection.execute(sql, values)

    def _many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        assert self._connection is not None
        self._connection.executemany(sql, rows)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, error: sqlite3.Error) -> None:
        self._log.warn(
            "what contacts share is not kept on the disk any more, until the next start:"
            " {path!r}: {error}",
            path=self._path,
            error=error,
        )
        self._pending.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _restart(self, error: Exception) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._discard(self._path, error)
        try:
            self._connection = _connect(self._path)
        except (sqlite3.Error, OSError) as again:
            self._log.warn("{path!r} cannot be made: {error}", path=self._path, error=again)

    @classmethod
    def _discard(cls, path: str, error: Exception) -> None:
        cls._log.warn(
            "{path!r} is thrown away: {error}; contacts tell again what they share",
            path=path,
            error=error,
        )
        for suffix in _SUFFIXES:
            with suppress(OSError):
                os.remove(path + suffix)


def _connect(path: str) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path)
    try:
        # A power cut may damage the database, which is then discarded: that is cheaper than to wait
        # for the disk.  Small checkpoints keep each commit short.
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 200"
        )
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            connection.executescript(_SCHEMA)
        elif not 1 <= version <= _VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, not {_VERSION}")
        else:
            for before in range(version, _VERSION):
                connection.executescript(
                    f"BEGIN; {_MIGRATIONS[before]}; PRAGMA user_version = {before + 1}; COMMIT"
                )
    except BaseException:
        connection.close()
        raise
    return connection


def _record(row: Sequence[Any]) -> ResourceRecord:
    """
    Read a row of ``resources``, without the id.

    :raises InvalidValue: if it is damaged; also ``ValueError`` and ``TypeError``.
    """
    jid, resource, item_id, addresses, list_id, revision, complete, last_seen, forgotten = row
    if not all(isinstance(text, str) for text in (jid, resource, item_id, list_id, forgotten)):
        raise InvalidValue("a row has something other than text")
    where = tuple(PeerAddress.parse(address, port) for address, port in json.loads(addresses))
    announcement = Announcement(
        resource,
        addresses=where,
        list_id=list_id,
        revision=int(revision),
        complete=bool(complete),
        candidates=tuple(map(Candidate, where)),
    )
    return ResourceRecord(jid, item_id, announcement, float(last_seen), forgotten)


def _row(number: int, share: Share) -> tuple[object, ...]:
    key = bytes.fromhex(share.info_hash)
    return (
        number,
        key,
        share.name,
        share.size,
        annotation_text(share.annotation),
        share.seal or None,
    )


def _share(info_hash: bytes, name: str, size: int, annotation: object, seal: object) -> Share:
    """
    Read a row of ``shares``.

    :raises InvalidValue: if it is damaged.
    """
    if len(info_hash) != 20 or not isinstance(name, str) or not isinstance(size, int):
        raise InvalidValue("a row is not a share")
    return Share(
        InfoHash(info_hash.hex()), name, size, read_annotation(annotation), read_seal(seal)
    )

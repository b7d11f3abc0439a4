"""
Reads what is still readable of a damaged database.

A damaged page breaks every query that reaches it.  So each table is read from both ends, and then
from many places within it, until each scan reaches the damage.  Each column is read on its own, so
that a row with a damaged part is not lost as a whole.  The code names no table: it looks for all
tables of the new database in the old one.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote

_HEX = "0123456789abcdef"
# Keys to start from in a table with hexadecimal keys, evenly spread.
_PLACES = [a + b for a in _HEX for b in _HEX] + ["g"]

_WRAP = b"d4:info", b"e"


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the new database; it has one key column."""

    name: str
    key: str
    columns: tuple[_Column, ...]


def salvage(damaged: str, into: sqlite3.Connection) -> Mapping[str, int]:
    """
    Copy what can be read of one database into another, which has its tables already.

    :param damaged: the path of the old database, which is not changed.
    :returns: the number of rows of each table.
    """
    copied = {}
    with closing(sqlite3.connect(f"file:{quote(damaged)}?mode=ro", uri=True)) as old, into:
        # Damaged text that is not UTF-8 would raise.
        old.text_factory = lambda raw: raw.decode(errors="replace")
        # In the order of creation, so that a row comes before those that refer to it.
        for table in _tables(into):
            for row in _rows(old, table):
                _insert(into, table, row)
            copied[table.name] = into.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608  # a name from our own schema
        _mend_torrents(into)
    return copied


def _tables(connection: sqlite3.Connection) -> list[_Table]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    return [_table(connection, name) for (name,) in names.fetchall()]


def _table(connection: sqlite3.Connection, name: str) -> _Table:
    described = connection.execute(f"PRAGMA table_info({name})").fetchall()
    (key,) = (column[1] for column in described if column[5])
    columns = tuple(_Column(column[1], required=bool(column[3])) for column in described)
    return _Table(name, key, columns)


def _rows(old: sqlite3.Connection, table: _Table) -> Iterator[dict[str, object]]:
    """
    All rows of which at least the required columns can be read.

    Each column has its own scans, because a long damaged value stops only the scans that read it.
    """
    columns = {column: _column(old, table, column.name) for column in table.columns}
    keys: dict[object, None] = {}
    for values in columns.values():
        keys.update(dict.fromkeys(values))
    for key in keys:
        row = {column.name: values[key] for column, values in columns.items() if key in values}
        if all(column.name in row for column in table.columns if column.required):
            yield row


def _column(old: sqlite3.Connection, table: _Table, column: str) -> dict[object, object]:
    """The values of a column that can be read, by key."""
    select = f"SELECT {table.key}, {column} FROM {table.name}"  # noqa: S608  # names from our own schema
    found, whole = _read(old, f"{select} ORDER BY {table.key}")
    if whole:
        return found
    found |= _read(old, f"{select} ORDER BY {table.key} DESC")[0]
    within = f"{select} WHERE {table.key} >= ? AND {table.key} < ? ORDER BY {table.key}"
    for start, end in pairwise(_PLACES):
        found |= _read(old, within, start, end)[0]
    return found


def _read(old: sqlite3.Connection, sql: str, *values: object) -> tuple[dict[object, object], bool]:
    """The pairs that a query returns before the damage, and whether there was none."""
    found = {}
    try:
        for key, value in old.execute(sql, values):
            found[key] = value  # noqa: PERF403  # rows before an error count
    except sqlite3.Error:
        return found, False
    return found, True


def _insert(into: sqlite3.Connection, table: _Table, row: Mapping[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    try:
        into.execute(
            f"INSERT OR REPLACE INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608  # same
            tuple(row.values()),
        )
    except sqlite3.Error:
        # Damage can look like a row that breaks the table's constraints.
        return


def _mend_torrents(into: sqlite3.Connection) -> None:
    """
    Turn torrents whose metadata is lost into downloads, which find their files on the disk.

    Only the info-hash proves the metadata.  A download without a place on the disk adopts files of
    its name only if they are identical.
    """
    for info_hash, torrent_file in into.execute(
        "SELECT info_hash, torrent_file FROM torrents"
    ).fetchall():
        if torrent_file is None or not _is_metadata_of(info_hash, torrent_file):
            into.execute(
                "UPDATE torrents SET torrent_file = NULL, root = NULL, shared = 0, complete = 0"
                " WHERE info_hash = ?",
                (info_hash,),
            )


def _is_metadata_of(info_hash: str, torrent_file: bytes) -> bool:
    start, end = _WRAP
    info = torrent_file[len(start) : len(torrent_file) - len(end)]
    return hashlib.sha1(info, usedforsecurity=False).hexdigest() == info_hash

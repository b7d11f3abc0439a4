"""
Reads what is still readable of a damaged database.

A damaged page breaks every query that comes upon it.  So a table is read from both ends, and then
from many places within it, until each of these ways meets the damage; and each column on its own,
so that a row of which a part is damaged is not lost as a whole.  It knows no table: whatever the
new database has is looked for in the old one.
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
# Places to begin at in a table whose keys are hexadecimal, evenly spread.
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

    :param damaged: the path of the old one; it is not changed.
    :returns: how many rows there are now, by table.
    """
    copied = {}
    with closing(sqlite3.connect(f"file:{quote(damaged)}?mode=ro", uri=True)) as old, into:
        # Text that is no UTF-8 any more would raise.
        old.text_factory = lambda raw: raw.decode(errors="replace")
        # In the order in which they were made: what is referred to comes first.
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
    Every row of which at least the required columns can be come upon.

    One scan a column: a long value that is damaged stops the scans that read it, and no others.
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
    """What can be come upon of a column, by key."""
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
    """The pairs that a query gives up to the damage, and whether there was none."""
    found = {}
    try:
        for key, value in old.execute(sql, values):
            found[key] = value  # noqa: PERF403  # what came before an error counts
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
        # Damage can read as a row that breaks the rules of the table.
        return


def _mend_torrents(into: sqlite3.Connection) -> None:
    """
    Begin anew with torrents whose metadata is lost: as downloads that find their files there.

    Nothing else vouches for the metadata than the info-hash.  Without a place of its own on the
    disk, a download takes over the files of its name only if they are the very same.
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

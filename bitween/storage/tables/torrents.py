"""The torrents, and libtorrent's resume data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from bitween.errors import InvalidValue
from bitween.model.seal import pack
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import TorrentOptions
from bitween.storage.options_json import options_text
from bitween.storage.sqlite import SqliteTables
from bitween.storage.torrent_record import TorrentRecord, read_record

_COLUMNS = (
    "info_hash, name, folder, root, added, shared, complete, torrent_file, stamp, completed, wishes"
    ", naming, origin, seal"
)

_PUT = (
    f"INSERT INTO torrents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # a constant
    " ON CONFLICT (info_hash) DO UPDATE SET name = excluded.name, folder = excluded.folder,"
    " root = excluded.root, added = excluded.added, shared = excluded.shared,"
    " complete = excluded.complete, torrent_file = excluded.torrent_file,"
    " stamp = excluded.stamp, completed = excluded.completed, wishes = excluded.wishes,"
    " naming = excluded.naming, origin = excluded.origin, seal = excluded.seal"
)


class TorrentTable(SqliteTables):
    """Stores torrents, and the resume data of each."""

    def torrents(self) -> Iterator[TorrentRecord]:
        """
        Every torrent, oldest first; each step reads one, so that others may change meanwhile.

        A row that cannot be read is left out, and stays: a later version may have written it.
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
                        "the database has a torrent that cannot be read and is left out: {error}",
                        error=error,
                    )
                else:
                    yield record

    def put(self, record: TorrentRecord) -> None:
        """Store a torrent, new or changed; its resume data stays."""
        self._write(_PUT, _values(record))

    def replace(self, info_hash: InfoHash, record: TorrentRecord) -> None:
        """
        Store a torrent under another info-hash, with its resume data, in place of the old one.

        :param info_hash: the old one.
        """
        with self._transaction() as connection:
            connection.execute(_PUT, _values(record))
            connection.execute(
                "UPDATE OR REPLACE resume_data SET info_hash = ? WHERE info_hash = ?",
                (record.info_hash, info_hash),
            )
            connection.execute("DELETE FROM torrents WHERE info_hash = ?", (info_hash,))

    def set_complete(self, info_hash: InfoHash, signature: str, now: float) -> None:
        """
        Store that every byte of a torrent is on the disk.

        :param signature: the stat signature of its files.
        :param now: seconds since the epoch; stored if the torrent was never complete before.
        """
        self._write(
            "UPDATE torrents SET complete = 1, stamp = ?, completed = coalesce(completed, ?)"
            " WHERE info_hash = ?",
            (signature, now, info_hash),
        )

    def set_options(self, info_hash: InfoHash, options: TorrentOptions) -> None:
        """Store the options of a torrent."""
        self._write(
            "UPDATE torrents SET wishes = ? WHERE info_hash = ?", (options_text(options), info_hash)
        )

    def remove(self, info_hash: InfoHash) -> None:
        """Delete a torrent and its resume data, if it is stored."""
        self._write("DELETE FROM torrents WHERE info_hash = ?", (info_hash,))

    def resume_data(self, info_hash: InfoHash) -> bytes | None:
        """The latest resume data of a torrent; ``None`` if there is none."""
        rows = self._query("SELECT data FROM resume_data WHERE info_hash = ?", (info_hash,))
        data = rows[0][0] if rows else None
        return data if isinstance(data, bytes) else None

    def put_resume_data(self, saved: Sequence[tuple[InfoHash, bytes]]) -> None:
        """
        Store resume data; that of a torrent that is not stored is dropped.

        :param saved: pairs of an info-hash and its resume data.
        """
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO resume_data SELECT info_hash, ?2 FROM torrents"
                " WHERE info_hash = ?1",
                saved,
            )


def _values(record: TorrentRecord) -> tuple[object, ...]:
    """The values of the columns, in their order."""
    return (
        record.info_hash,
        record.name,
        os.fsencode(record.folder),
        None if record.root is None else os.fsencode(record.root),
        record.added,
        record.shared,
        record.complete,
        record.torrent_file,
        record.signature,
        record.completed,
        options_text(record.options),
        record.naming,
        record.origin.value,
        pack(record.seal) if record.seal else None,
    )

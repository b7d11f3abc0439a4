"""A database on a disk that is full for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from bitween.errors import StoreError
from bitween.model.torrent import InfoHash
from bitween.storage.database import Database


class DatabaseOnFullDisk(Database):
    """
    The real database; a test decides when SQLite can write to it.

    :ivar refused: how many batches of resume data could not be stored.
    """

    refused = 0

    @classmethod
    def open(cls, path: str) -> DatabaseOnFullDisk:
        """Open the database; its disk has room at first."""
        return cast(DatabaseOnFullDisk, super().open(path))

    def fill_disk(self) -> None:
        """Let each write fail from now on."""
        self._connection.execute("PRAGMA query_only = ON")

    def make_room(self) -> None:
        """Let writes succeed again."""
        self._connection.execute("PRAGMA query_only = OFF")

    def put_resume_data(self, saved: Sequence[tuple[InfoHash, bytes]]) -> None:
        """Store resume data, and count it if that fails."""
        try:
            super().put_resume_data(saved)
        except StoreError:
            self.refused += 1
            raise

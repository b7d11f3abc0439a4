"""The bytes exchanged with each contact."""

from __future__ import annotations

from collections.abc import Mapping

from bitween.model.traffic import Traffic
from bitween.storage.sqlite import SqliteTables


class TrafficTable(SqliteTables):
    """Stores how many bytes were exchanged with each contact."""

    def traffic(self) -> dict[str, Traffic]:
        """The bytes exchanged with each contact, by bare JID."""
        rows = self._query("SELECT jid, downloaded, uploaded FROM traffic")
        return {
            jid: Traffic(downloaded, uploaded)
            for jid, downloaded, uploaded in rows
            if isinstance(jid, str) and isinstance(downloaded, int) and isinstance(uploaded, int)
        }

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """
        Store the bytes exchanged with some contacts.

        :param changed: the bytes by bare JID; they replace those stored before.
        """
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO traffic VALUES (?, ?, ?)",
                [(jid, traffic.downloaded, traffic.uploaded) for jid, traffic in changed.items()],
            )

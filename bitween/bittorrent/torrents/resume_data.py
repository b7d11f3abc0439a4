"""Stores the progress of torrents."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bitween.bittorrent.engine.alerts import Alert, ResumeData
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.errors import StoreError
from bitween.model.torrent import InfoHash

_SECONDS_TO_SAVE_AT_EXIT = 10.0


class ResumeDataSaver:
    """Asks libtorrent for the resume data of torrents that made progress, and stores it."""

    _log = Logger()

    def __init__(self, context: Context) -> None:
        self._reactor = context.reactor
        self._database = context.database
        self._registry = context.registry
        self._session = context.session
        self._awaited: set[InfoHash] = set()
        # New info-hashes, for data that was asked for under the old ones.
        self._renamed: dict[InfoHash, InfoHash] = {}
        self._saved: Deferred[None] | None = None

    def save(self, torrent: ManagedTorrent) -> None:
        """Ask for the resume data of a torrent, if it made progress."""
        # During a check libtorrent knows less than the database.
        if torrent.verifying:
            return
        info_hash = torrent.record.info_hash
        if torrent.unsaved and torrent.placed and self._session().save_resume_data(info_hash):
            self._awaited.add(info_hash)
        torrent.unsaved = False

    def save_all(self) -> None:
        """Do the same for all torrents."""
        for torrent in self._registry:
            self.save(torrent)

    def save_incomplete(self) -> None:
        """Do the same for incomplete torrents; of the others only the bytes sent change."""
        for torrent in self._registry:
            if not torrent.record.complete:
                self.save(torrent)

    def rename(self, old: InfoHash, new: InfoHash) -> None:
        """Store under another info-hash what was asked for and has not come yet."""
        if old in self._awaited:
            self._renamed[old] = new

    def take(self, received: Iterable[Alert]) -> None:
        """
        Store the resume data among these alerts.

        :param received: alerts of any type.
        """
        saved = []
        for alert in received:
            if isinstance(alert, ResumeData):
                self._awaited.discard(alert.info_hash)
                info_hash = self._renamed.pop(alert.info_hash, alert.info_hash)
                if alert.data is not None:
                    saved.append((info_hash, alert.data))
        try:
            self._database.put_resume_data(saved)
        except StoreError as error:
            self._log.error("resume data could not be stored: {error}", error=error)
            for info_hash, _ in saved:
                if (torrent := self._registry.get(info_hash)) is not None:
                    torrent.unsaved = True

    def expect_nothing(self) -> None:
        """Give up all requests: their alerts were lost."""
        self._awaited.clear()
        self._renamed.clear()

    async def finish(self) -> bool:
        """
        Save everything, within a bounded time.

        :returns: whether all of it is stored.
        """
        self._saved = Deferred()
        self.save_all()
        if self._awaited:
            give_up = self._reactor.callLater(_SECONDS_TO_SAVE_AT_EXIT, self._saved.callback, None)
            try:
                await self._saved
            finally:
                if give_up.active():
                    give_up.cancel()
        return not self._awaited

    def check_finished(self) -> None:
        """Let :meth:`finish` go on if everything has come; called after all alerts are handled."""
        if self._saved is not None and not self._awaited and not self._saved.called:
            self._saved.callback(None)

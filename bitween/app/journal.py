"""Tells the log what happens to torrents and contacts: a line for each event that matters."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from bitween.model.contact import Pending
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    SwarmEvent,
    TorrentAdded,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.format import counted, size_text
from bitween.model.text import printable
from bitween.model.torrent import Torrent
from bitween.util.observable import Observable

#: Requests of strangers that are told within the seconds; more of them would fill the disk.
MAX_REQUESTS = 20
REQUEST_PERIOD = 3600.0


class Journal:
    """Follows the events from now on."""

    _log = Logger()

    def __init__(
        self,
        swarm: Observable[SwarmEvent],
        messenger: Observable[MessengerEvent],
        now: Callable[[], float],
    ) -> None:
        """:param now: seconds, of any clock."""
        self._now = now
        self._asking: set[str] = set()
        self._told: list[float] = []
        swarm.subscribe(self._swarm_did)
        messenger.subscribe(self._messenger_did)

    def _swarm_did(self, event: SwarmEvent) -> None:
        match event:
            case TorrentAdded(torrent=torrent):
                verb = "sharing" if torrent.shared else "downloading"
                self._log.info("{verb} {what}", verb=verb, what=_described(torrent))
            case TorrentFinished(torrent=torrent):
                self._log.info(
                    "downloaded {what} to {folder!r}",
                    what=_described(torrent),
                    folder=printable(torrent.save_path, 4096),
                )
            case TorrentRemoved(name=name):
                self._log.info("removed {name!r}", name=printable(name))

    def _messenger_did(self, event: MessengerEvent) -> None:
        match event:
            case ContactChanged(contact=contact) if contact.pending is Pending.IN:
                if contact.jid not in self._asking and self._may_tell():
                    self._log.info("{jid} asks to be a contact", jid=printable(contact.jid))
                self._asking.add(contact.jid)
            case ContactChanged(contact=contact):
                self._asking.discard(contact.jid)
            case ContactRemoved(jid=jid):
                self._asking.discard(jid)

    def _may_tell(self) -> bool:
        now = self._now()
        self._told = [then for then in self._told if then > now - REQUEST_PERIOD]
        self._told.append(now)
        return len(self._told) <= MAX_REQUESTS


def _described(torrent: Torrent) -> str:
    name = repr(printable(torrent.name or torrent.info_hash))
    if torrent.files is None:
        return name
    return f"{name} ({counted(len(torrent.files), 'file')}, {size_text(torrent.progress.total)})"

"""Logs what happens to torrents and contacts, one line for each event that matters."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from bitween.messages.quantities import counted, size_text
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
from bitween.model.text import printable
from bitween.model.torrent import Torrent
from bitween.util.observable import Observable

#: How many contact requests are logged within a period, in seconds; a flood would fill the disk.
MAX_REQUESTS = 20
REQUEST_PERIOD = 3600.0


class Journal:
    """Logs the events from its construction on."""

    _log = Logger()

    def __init__(
        self,
        swarm: Observable[SwarmEvent],
        messenger: Observable[MessengerEvent],
        now: Callable[[], float],
    ) -> None:
        """:param now: seconds of any clock that does not jump."""
        self._now = now
        self._requests: set[str] = set()
        self._logged: list[float] = []
        swarm.subscribe(self._swarm_event)
        messenger.subscribe(self._messenger_event)

    def _swarm_event(self, event: SwarmEvent) -> None:
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

    def _messenger_event(self, event: MessengerEvent) -> None:
        match event:
            case ContactChanged(contact=contact) if contact.pending is Pending.IN:
                if contact.jid not in self._requests and self._may_log():
                    self._log.info("{jid} asks to be a contact", jid=printable(contact.jid))
                self._requests.add(contact.jid)
            case ContactChanged(contact=contact):
                self._requests.discard(contact.jid)
            case ContactRemoved(jid=jid):
                self._requests.discard(jid)

    def _may_log(self) -> bool:
        now = self._now()
        self._logged = [time for time in self._logged if time > now - REQUEST_PERIOD]
        self._logged.append(now)
        return len(self._logged) <= MAX_REQUESTS


def _described(torrent: Torrent) -> str:
    name = repr(printable(torrent.name or torrent.info_hash))
    if torrent.files is None:
        return name
    return f"{name} ({counted(len(torrent.files), 'file')}, {size_text(torrent.progress.total)})"

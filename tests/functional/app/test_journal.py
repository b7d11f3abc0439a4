"""What the log says about torrents and contacts."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.journal import MAX_REQUESTS, REQUEST_PERIOD, Journal
from bitween.model.contact import Contact, Pending
from bitween.model.events import (
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.torrent import FileEntry, Progress, Torrent, TorrentState, parse_info_hash
from bitween.util.observable import Observable

HASH = parse_info_hash("a" * 40)


def torrent(*, shared: bool = False) -> Torrent:
    """A torrent with one file."""
    files = (FileEntry("holi\u202eday", 3_000_000),)
    state = TorrentState.DOWNLOADING
    progress = Progress(total=3_000_000)
    return Torrent(HASH, "holi\u202eday", "/srv", state, progress, files=files, shared=shared)


class JournalTests(SynchronousTestCase):
    """Each event that matters is one line."""

    def setUp(self) -> None:
        """Log the events of two observables."""
        self.clock = Clock()
        self.swarm: Observable[SwarmEvent] = Observable()
        self.messenger: Observable[MessengerEvent] = Observable()
        Journal(self.swarm, self.messenger, self.clock.seconds)

    def lines(self, *events: SwarmEvent | MessengerEvent) -> list[str]:
        """The lines that events give."""
        with capturedLogs() as logged:
            for event in events:
                if isinstance(event, ContactChanged | ContactRemoved):
                    self.messenger.notify(event)
                else:
                    self.swarm.notify(event)  # type: ignore[arg-type]  # all others are of it
        return [str(formatEvent(event)) for event in logged]

    def test_beginning_and_end_of_torrents_are_logged(self) -> None:
        """Their beginning, their end, and no step between; names cannot disturb the log."""
        self.assertEqual(
            self.lines(
                TorrentAdded(torrent=torrent(shared=True)),
                TorrentAdded(torrent=torrent()),
                TorrentChanged(torrent=torrent()),
                TorrentFinished(torrent=torrent()),
                TorrentRemoved(info_hash=HASH, name="holiday"),
            ),
            [
                "sharing 'holi\ufffdday' (1 file, 3 MB)",
                "downloading 'holi\ufffdday' (1 file, 3 MB)",
                "downloaded 'holi\ufffdday' (1 file, 3 MB) to '/srv'",
                "removed 'holiday'",
            ],
        )

    def asks(self, name: str) -> ContactChanged:
        """A contact request."""
        return ContactChanged(contact=Contact(f"{name}@example.org", pending=Pending.IN))

    def test_each_contact_request_is_logged_once(self) -> None:
        """Each is logged once, until it is answered or withdrawn."""
        gone = ContactRemoved(jid="bob@example.org")
        line = "bob@example.org asks to be a contact"
        lines = self.lines(self.asks("bob"), self.asks("bob"), gone, self.asks("bob"))
        self.assertEqual(lines, [line, line])

    def test_a_flood_of_requests(self) -> None:
        """It does not fill the disk."""
        flood = [self.asks(f"x{n}") for n in range(10 * MAX_REQUESTS)]
        self.assertEqual(len(self.lines(*flood)), MAX_REQUESTS)
        self.clock.advance(REQUEST_PERIOD + 1)
        self.assertEqual(len(self.lines(self.asks("bob"))), 1)

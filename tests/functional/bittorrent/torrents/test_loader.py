"""Loading and unloading, with a session that does what the test says."""

from __future__ import annotations

import os
import stat
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.add_torrent import Loading
from bitween.bittorrent.engine.alerts import Removed
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.parts import build_parts
from bitween.bittorrent.torrents.preparation import DiskStep, Preparation
from bitween.model.deletion import Deletion
from bitween.model.metainfo import bencode
from bitween.model.metainfo import torrent_file as wrapped
from bitween.model.torrent import InfoHash
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from tests.support.layouts import read_layout

FILM = InfoHash("ab" * 20)
PROGRAMS = 40


class FakeSession:
    """
    Notes what is loaded.

    :ivar loaded: what was given to it.
    :ivar writing: whether libtorrent still writes to files of a removed torrent.
    """

    def __init__(self) -> None:
        self.loaded: list[Loading] = []
        self.writing = True

    def load(self, loading: Loading) -> None:
        """Take a torrent."""
        self.loaded.append(loading)

    def remove(self, _: InfoHash, fenced: bool) -> bool:
        """Take out a torrent, which is still being written."""
        return not fenced

    def is_writing(self, _: InfoHash) -> bool:
        """Whether it is being written."""
        return self.writing


def programs() -> bytes:
    """Metadata of a folder of programs."""
    files = [
        {"length": 5, "path": [f"program {number}"], "attr": "x"} for number in range(PROGRAMS)
    ]
    info: dict[str, Any] = {
        "files": files,
        "name": "tools",
        "piece length": 2**14,
        "pieces": bytes(20),
    }
    return wrapped(bencode(info))


class LoaderCase(SynchronousTestCase):
    """A loader with a fake session."""

    def setUp(self) -> None:
        """Build the parts of a swarm, without libtorrent."""
        self.clock, self.session = Clock(), FakeSession()
        database = Database.open(self.mktemp())
        self.addCleanup(database.close)
        self.context = Context(cast(Any, self.clock), self.clock.seconds, database)
        self.context.running = cast(Any, self.session)
        self.loader = build_parts(self.context, 0, 30.0, lambda _: ()).loader


class DeletionTests(LoaderCase):
    """When the files of a removed torrent are deleted."""

    def setUp(self) -> None:
        """Take out a torrent whose files stay, and then ask for their deletion."""
        super().setUp()
        self.erased = 0
        self.loader.unload_quietly(FILM)
        self.left = self.loader.unload(FILM, self.erase)
        self.loader.take(Removed(FILM))

    def erase(self) -> Deferred[Deletion | None]:
        """Delete the files."""
        self.erased += 1
        return succeed(cast(Any, "deleted"))

    def test_after_the_last_byte(self) -> None:
        """Nothing is deleted while libtorrent may still write."""
        self.clock.advance(1)
        self.assertEqual(self.erased, 0)
        self.session.writing = False
        self.clock.advance(1)
        self.assertEqual(self.erased, 1)
        self.assertEqual(self.successResultOf(self.left), "deleted")

    def test_in_the_end(self) -> None:
        """A torrent whose last byte never comes is deleted after ten seconds."""
        self.clock.pump([0.05] * 220)
        self.assertEqual(self.erased, 1)

    def test_a_stop(self) -> None:
        """Nothing is waited for any longer."""
        self.loader.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ProgramTests(LoaderCase):
    """Files that the metadata calls programs."""

    def setUp(self) -> None:
        """Have a download of many programs, as after a start."""
        super().setUp()
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        torrent_file = programs()
        record = TorrentRecord(FILM, "tools", self.folder, "tools", 0.0, False, False, torrent_file)
        self.torrent = ManagedTorrent(
            record,
            layout=read_layout(torrent_file),
            preparation=Preparation().finish(DiskStep.CHECK_PATHS),
        )
        self.context.registry.add(self.torrent)

    def test_one_a_step(self) -> None:
        """They are made in steps, and not executable; then the download is fetched at once."""
        steps = sum(1 for _ in self.loader.preparing(self.torrent))
        self.assertEqual(steps, PROGRAMS)
        made = [entry.stat().st_mode for entry in os.scandir(os.path.join(self.folder, "tools"))]
        self.assertEqual(len(made), PROGRAMS)
        self.assertFalse(any(mode & stat.S_IXUSR for mode in made))
        self.loader.load(self.torrent)
        self.assertIsNotNone(self.session.loaded[0].priorities)

    def test_not_while_loading(self) -> None:
        """A download whose programs are not made yet is loaded idle."""
        self.loader.load(self.torrent)
        self.assertIsNone(self.session.loaded[0].priorities)
        self.assertEqual(os.listdir(self.folder), [])

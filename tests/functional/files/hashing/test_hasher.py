"""The hashing process, seen from the daemon."""

from __future__ import annotations

import os
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from bitween.errors import BadPath, EmptyFolder, HashingFailed, NoSuchPath
from bitween.files.hashing.hasher import Hasher, _Worker
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.text import quoted
from bitween.model.torrent import Metainfo
from tests.support.layouts import read_layout
from tests.support.swarms import write
from tests.support.waiting import until


class HasherTests(TestCase):
    """Real child processes."""

    def setUp(self) -> None:
        """Start a hasher."""
        self.hasher = Hasher(cast(Any, reactor))
        self.hasher.startService()
        self.addCleanup(self.stop)
        self.folder = os.path.abspath(self.mktemp())
        self.progress: list[tuple[int, int]] = []

    async def stop(self) -> None:
        """Stop it, once."""
        if self.hasher.running:
            await self.hasher.stopService()

    def file(self, name: str, size: int = 1000) -> str:
        """A file of random bytes."""
        return write(os.path.join(self.folder, name), os.urandom(size))

    def huge(self, name: str = "huge") -> str:
        """A file that takes long to hash, and no room."""
        path = self.file(name, 0)
        os.truncate(path, 200 * 2**30)
        return path

    def hash(self, path: str) -> Deferred[Metainfo]:
        """Hash a path."""
        return self.hasher.hash_path(path, lambda *progress: self.progress.append(progress))

    async def under_way(self) -> None:
        """Wait until there is progress."""
        before = len(self.progress)
        await until(lambda: len(self.progress) > before + 1, "progress is reported twice")

    async def test_hashing_a_file_gives_its_metainfo(self) -> None:
        """A file gives its metainfo."""
        info = await self.hash(self.file("film ü.mkv", 100_000))
        self.assertEqual((info.name, info.total_size), ("film ü.mkv", 100_000))
        self.assertEqual(read_layout(info.torrent_file).files[0].size, 100_000)
        self.assertEqual(self.progress[0], (0, 100_000))

    async def test_errors_come_through(self) -> None:
        """Each kind of bad path is told apart, and the next path is hashed all the same."""
        os.makedirs(os.path.join(self.folder, "empty"))
        for path, kind in (
            (os.path.join(self.folder, "missing"), NoSuchPath),
            (os.path.join(self.folder, "empty"), EmptyFolder),
            (self.file("nothing", 0), BadPath),
            (os.path.join(self.folder, "no\udcff"), BadPath),
        ):
            with self.assertRaises(kind) as raised:
                await self.hash(path)
            self.assertIn(quoted(path), raised.exception.message)
        await self.hash(self.file("fine"))

    async def test_what_is_left_out(self) -> None:
        """It comes with what was hashed; a strict request is refused instead."""
        self.file("folder/fine")
        os.mkdir(os.path.join(self.folder, "folder", "b\udcffd"))
        folder = os.path.join(self.folder, "folder")
        left_out = (await self.hash(folder)).left_out
        self.assertEqual(left_out, LeftOut((LeftOutEntry("b\\xffd", Why.NOT_UTF8),), 1))
        with self.assertRaises(BadPath):
            await self.hasher.hash_path(folder, lambda *_: None, strict=True)

    async def test_one_after_the_other(self) -> None:
        """Several paths on one disk are hashed in the order in which they were asked for."""
        order: list[str] = []
        hashing = [self.hash(self.file(name, 3_000_000)) for name in ("a", "b", "c")]
        for each in hashing:
            each.addCallback(lambda info: order.append(info.name))
        for each in hashing:
            await each
        self.assertEqual(order, ["a", "b", "c"])

    async def test_different_disks_are_hashed_at_the_same_time(self) -> None:
        """Paths on different disks are hashed at the same time, up to the most that are allowed."""
        await self.hasher.stopService()
        self.hasher = Hasher(
            cast(Any, reactor), most=2, disk_of=lambda path: os.path.basename(path)[0]
        )
        self.hasher.startService()
        hashing = [self.hash(self.huge(name)) for name in ("a1", "a2", "b1", "c1")]
        await self.under_way()
        working = [os.path.basename(each.path) for each in self.hasher._working.values()]  # noqa: SLF001  # which processes there are
        self.assertEqual(working, ["a1", "b1"])
        hashing[1].cancel()
        hashing[0].cancel()
        working = [os.path.basename(each.path) for each in self.hasher._working.values()]  # noqa: SLF001  # which processes there are
        self.assertEqual(working, ["b1", "c1"])
        hashing[2].cancel()
        hashing[3].cancel()
        for each in hashing:
            await self.assertFailure(each, CancelledError)
        self.assertEqual((await self.hash(self.file("d1"))).name, "d1")

    async def test_hidden_files_can_be_left_out(self) -> None:
        """The setting reaches the process."""
        await self.hasher.stopService()
        self.hasher = Hasher(cast(Any, reactor), hidden=False)
        self.hasher.startService()
        self.file("folder/.hidden", 500)
        self.file("folder/plain", 700)
        info = await self.hash(os.path.join(self.folder, "folder"))
        self.assertEqual(info.total_size, 700)

    async def test_private_files_are_left_out(self) -> None:
        """What is private is left out of the folder that holds it, and that is told; links, too."""
        await self.hasher.stopService()
        state = os.path.join(self.folder, "home", ".local", "state")
        self.hasher = Hasher(cast(Any, reactor), private=[state])
        self.hasher.startService()
        for name, size in (("picture", 700), (".local/state/deep/token", 1), (".local/other", 2)):
            self.file(f"home/{name}", size)
        os.symlink(f"{state}/deep/token", os.path.join(self.folder, "home", "link"))
        info = await self.hash(os.path.join(self.folder, "home"))
        self.assertEqual(info.total_size, 702)
        left_out = {entry.path: entry.why for entry in info.left_out.entries}
        self.assertEqual(left_out, dict.fromkeys((".local/state", "link"), Why.PRIVATE))

    async def test_progress_is_told(self) -> None:
        """While a large file is hashed, its progress grows."""
        hashing = self.hash(self.huge())
        for _ in range(2):
            await self.under_way()
        told = self.progress[:]
        self.assertEqual(told, sorted(told))
        self.assertEqual(told[-1][1], 200 * 2**30)
        hashing.cancel()
        await self.assertFailure(hashing, CancelledError)

    async def test_cancelling_what_is_under_way(self) -> None:
        """It stops at once, and the next path is hashed by a new process."""
        long, short = self.hash(self.huge()), self.hash(self.file("short"))
        await self.under_way()
        long.cancel()
        await self.assertFailure(long, CancelledError)
        self.assertEqual((await short).name, "short")

    async def test_cancelling_what_waits(self) -> None:
        """It is never begun, and the others are not disturbed."""
        first, second = self.hash(self.file("first", 20_000_000)), self.hash(self.huge())
        second.cancel()
        await self.assertFailure(second, CancelledError)
        self.assertEqual((await first).name, "first")

    async def test_a_process_that_dies(self) -> None:
        """What it worked on fails with words, and the next path gets a new process."""
        hashing = self.hash(self.huge())
        await self.under_way()
        self._signal_worker()
        with self.assertRaises(HashingFailed):
            await hashing
        self.assertEqual((await self.hash(self.file("next"))).name, "next")

    async def test_a_process_that_dies_at_rest(self) -> None:
        """It is replaced before anybody asks."""
        await self.hash(self.file("first"))
        worker = self._worker()
        self._signal_worker()
        await worker.gone
        self.assertIsNotNone(self.hasher._idle)  # noqa: SLF001  # same
        self.assertEqual((await self.hash(self.file("next"))).name, "next")

    async def test_stopping_cancels_everything(self) -> None:
        """Stopping cancels everything, and leaves no process."""
        hashing = [self.hash(self.huge()), self.hash(self.huge("other"))]
        await self.under_way()
        stopping = self.hasher.stopService()
        for each in hashing:
            await self.assertFailure(each, CancelledError)
        await stopping

    async def test_it_ends_with_its_parent(self) -> None:
        """A process whose standard input is closed ends in mid-hash."""
        hashing = self.hash(self.huge())
        await self.under_way()
        worker = self._worker()
        assert worker.transport is not None
        worker.transport.closeStdin()
        await worker.gone
        await self.assertFailure(hashing, HashingFailed)

    async def test_the_process_is_kept(self) -> None:
        """Once it is there, small files are quick: none of them waits for another one to start."""
        path = self.file("small")
        await self.hash(path)
        worker = self._worker()
        for _ in range(3):
            await self.hash(path)
            self.assertIs(self._worker(), worker)

    def _worker(self) -> _Worker:
        """The one process that there is."""
        (worker,) = [*self.hasher._working, *filter(None, [self.hasher._idle])]  # noqa: SLF001  # which processes there are
        return worker

    def _signal_worker(self) -> None:
        worker = self._worker()
        assert worker.transport is not None
        worker.transport.signalProcess("KILL")

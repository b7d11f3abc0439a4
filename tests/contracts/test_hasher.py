"""What every hasher has to do: the one with a process of its own, and the one of tests."""

from __future__ import annotations

import os
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from bitween.app.ports import HasherPort
from bitween.errors import BadPath, NoSuchPath
from bitween.files.hashing.hasher import Hasher
from bitween.model.torrent import Metainfo
from tests.support.fakes.hasher import FakeHasher
from tests.support.metainfo import metainfo
from tests.support.swarms import write


class Contract:
    """Keeps the suite itself from being run."""

    class HasherTests(TestCase):
        """The suite; ``make`` gives a hasher that runs."""

        hasher: HasherPort

        def make(self) -> HasherPort:
            """A hasher, which is stopped when the test is over."""
            raise NotImplementedError

        def finish(self, path: str) -> None:
            """Let a path be hashed to its end."""

        def setUp(self) -> None:
            """Make a hasher."""
            self.hasher = self.make()
            self.folder = os.path.abspath(self.mktemp())
            self.reports: list[tuple[int, int]] = []

        def file(self, name: str, content: bytes = b"x") -> str:
            """A file to hash."""
            return write(os.path.join(self.folder, name), content)

        def hash(self, path: str, strict: bool = False) -> Deferred[Metainfo]:
            """Hash a path to its end."""
            hashing = self.begin(path, strict)
            self.finish(path)
            return hashing

        def begin(self, path: str, strict: bool = False) -> Deferred[Metainfo]:
            """Begin to hash a path."""
            return self.hasher.hash_path(path, lambda *r: self.reports.append(r), strict)

        async def test_a_file_gives_its_metainfo(self) -> None:
            """The first report tells how many bytes there are."""
            path = self.file("film ü.mkv", b"x" * 100_000)
            self.assertEqual(await self.hash(path), metainfo(path))
            self.assertEqual(self.reports[0], (0, 100_000))

        async def test_a_folder_gives_its_metainfo(self) -> None:
            """Its name and size are those of the whole."""
            self.file("holiday/a", b"a")
            self.file("holiday/b/c", b"bb")
            info = await self.hash(os.path.join(self.folder, "holiday"))
            self.assertEqual((info.name, info.total_size, info.left_out.total), ("holiday", 3, 0))

        async def test_a_folder_with_an_entry_that_cannot_be_shared(self) -> None:
            """The entry is left out; a strict request is refused."""
            self.file("holiday/a", b"a")
            os.mkfifo(os.path.join(self.folder, "holiday", "pipe"))
            path = os.path.join(self.folder, "holiday")
            self.assertEqual((await self.hash(path)).left_out.total, 1)
            await self.assertFailure(self.hash(path, strict=True), BadPath)

        async def test_a_missing_path_is_an_error(self) -> None:
            """The next path is hashed all the same."""
            await self.assertFailure(self.hash(os.path.join(self.folder, "missing")), NoSuchPath)
            path = self.file("there")
            self.assertEqual(await self.hash(path), metainfo(path))

        async def test_a_cancelled_path_is_not_hashed(self) -> None:
            """The next path is hashed all the same, and so is the same one again."""
            path = self.file("cancelled")
            hashing = self.begin(path)
            hashing.cancel()
            await self.assertFailure(hashing, CancelledError)
            other = self.file("other")
            self.assertEqual(await self.hash(other), metainfo(other))
            self.assertEqual(await self.hash(path), metainfo(path))


class ProcessHasherTests(Contract.HasherTests):
    """The hasher with a process of its own."""

    def make(self) -> HasherPort:
        """Start one."""
        hasher = Hasher(cast(Any, reactor))
        hasher.startService()
        self.addCleanup(hasher.stopService)
        return hasher


class FakeHasherTests(Contract.HasherTests):
    """The hasher of tests."""

    def make(self) -> HasherPort:
        """Make one."""
        self.fake = FakeHasher()
        return self.fake

    def finish(self, path: str) -> None:
        """Hash it here and now."""
        self.fake.finish(path)

"""Files with holes: what is zeros at the sender is a hole at the receiver, and reads the same."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.trial.unittest import SkipTest

from bitween.bittorrent.files import holes
from bitween.model.torrent import InfoHash, TorrentState
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, read, tree, when, write

if TYPE_CHECKING:
    from bitween.bittorrent.swarm import Swarm

MIB = 2**20
SLOW = replace(LOOPBACK, limits=Limits(download=256 * 2**10), limit_lan=True)


def stored(path: str) -> int:
    """The bytes that a file takes of its disk."""
    return os.stat(path).st_blocks * 512


def write_sparse(path: str, size: int, *parts: tuple[int, bytes]) -> str:
    """Write a file that is a hole but for some parts."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, content in parts:
            file.seek(offset)
            file.write(content)
    return path


class HolesCase(SwarmCase):
    """Alice shares what has holes, Bob fetches it."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Alice has a disk image of 100 MiB, of which 4 MiB were written."""
        self.alice = await self.start()
        self.source, self.downloads = self.folder("source"), self.folder("downloads")
        self.image = write_sparse(
            os.path.join(self.source, "image"),
            100 * MIB + 12_345,
            (MIB, os.urandom(MIB)),
            (50 * MIB + 777, os.urandom(3 * MIB)),
        )
        if stored(self.image) > 8 * MIB:
            raise SkipTest("this disk stores no holes")

    def bobs(self, *parts: str) -> str:
        """Where Bob has a file."""
        return os.path.join(self.downloads, *parts)

    async def begin(
        self, bob: Swarm, info_hash: InfoHash, options: TorrentOptions | None = None
    ) -> None:
        """Let Bob begin to fetch."""
        await bob.download(info_hash, "", self.downloads, options or TorrentOptions())
        bob.offer_peers(info_hash, [address_of(self.alice)])


class ArrivalTests(HolesCase):
    """What arrives."""

    async def test_a_sparse_file_arrives_sparse(self) -> None:
        """It reads the same, and neither the disk nor the line had to take its zeros."""
        info_hash = await self.share(self.alice, self.image)
        bob = await self.start()
        torrent = await self.fetch(bob, info_hash, self.alice, folder=self.downloads)
        self.assertTrue(read(self.bobs("image")) == read(self.image))
        self.assertLess(stored(self.bobs("image")), 6 * MIB)
        self.assertLess(self.alice.library.get(info_hash).progress.uploaded, 6 * MIB)
        self.assertEqual(torrent.progress.done, torrent.progress.total)

    async def test_sparse_files_of_a_folder_arrive_sparse(self) -> None:
        """Each file of a folder does, also between others; one that is left out is not made."""
        write(os.path.join(self.source, "a"), os.urandom(300_001))
        write_sparse(os.path.join(self.source, "left out"), 20 * MIB)
        write(os.path.join(self.source, "z", "program"), os.urandom(70_000))
        write_sparse(os.path.join(self.source, "z", "zeros"), 30 * MIB)
        info_hash = await self.share(self.alice, self.source)
        bob = await self.start()
        skipped = TorrentOptions(selection=Selection(skipped=frozenset({2})))
        await self.begin(bob, info_hash, skipped)
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.FINISHED)
        arrived, sent = tree(self.bobs("source")), tree(self.source)
        del sent["left out"]
        self.assertTrue(arrived == sent)
        self.assertLess(stored(self.bobs("source", "image")), 6 * MIB)
        self.assertLess(stored(self.bobs("source", "z", "zeros")), MIB)
        # Wanted later, it is fetched like any other.
        await bob.set_options(info_hash, TorrentOptions())
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertTrue(tree(self.bobs("source")) == tree(self.source))

    async def test_zeros_that_were_written(self) -> None:
        """A file of nothing but zeros, all of them stored, arrives at once."""
        path = write(os.path.join(self.source, "zeros"), bytes(10 * MIB + 1))
        info_hash = await self.share(self.alice, path)
        bob = await self.start()
        await self.fetch(bob, info_hash, self.alice, folder=self.downloads)
        self.assertTrue(read(self.bobs("zeros")) == bytes(10 * MIB + 1))
        self.assertEqual(self.alice.library.get(info_hash).progress.uploaded, 0)

    async def test_something_of_that_name(self) -> None:
        """What lies there already is neither overwritten nor cut."""
        info_hash = await self.share(self.alice, self.image)
        write(self.bobs("image"), b"precious")
        bob = await self.start()
        await self.fetch(bob, info_hash, self.alice, folder=self.downloads)
        self.assertEqual(read(self.bobs("image")), b"precious")
        self.assertTrue(read(self.bobs("image (2)")) == read(self.image))
        self.assertLess(stored(self.bobs("image (2)")), 6 * MIB)


class LaterTests(HolesCase):
    """What comes between."""

    async def begun(self, state: str, info_hash: InfoHash) -> Swarm:
        """Bob, who has the zeros and some of the rest."""
        bob = await self.start(state, SLOW)
        await self.begin(bob, info_hash)
        await when(bob, lambda: bob.library.get(info_hash).progress.done > 95 * MIB)
        self.assertFalse(bob.library.get(info_hash).complete)
        return bob

    async def finished(self, bob: Swarm, info_hash: InfoHash) -> None:
        """Bob gets the rest."""
        bob.limit(Limits())
        bob.offer_peers(info_hash, [address_of(self.alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertTrue(read(self.bobs("image")) == read(self.image))
        self.assertLess(stored(self.bobs("image")), 6 * MIB)

    async def test_holes_survive_a_restart(self) -> None:
        """Bob's daemon goes on with what it had, holes included."""
        info_hash = await self.share(self.alice, self.image)
        state = self.folder("state")
        bob = await self.begun(state, info_hash)
        await self.stop(bob)
        bob = await self.start(state)
        await when(bob, lambda: bob.library.get(info_hash).progress.done > 95 * MIB)
        await self.finished(bob, info_hash)

    async def test_a_check_accepts_holes(self) -> None:
        """A check in between finds the zeros where they belong."""
        info_hash = await self.share(self.alice, self.image)
        bob = await self.begun(self.folder("state"), info_hash)
        await bob.recheck(info_hash)
        await self.finished(bob, info_hash)
        await bob.recheck(info_hash)
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertLess(stored(self.bobs("image")), 6 * MIB)

    async def test_a_paused_download_keeps_its_holes(self) -> None:
        """Paused from the beginning, it makes nothing; let go on, it keeps the holes."""
        info_hash = await self.share(self.alice, self.image)
        bob = await self.start()
        await self.begin(bob, info_hash, TorrentOptions(paused=True))
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.PAUSED)
        await when(bob, lambda: bob.library.get(info_hash).files is not None)
        await bob.set_options(info_hash, TorrentOptions())
        await self.finished(bob, info_hash)

    async def test_removal_half_way_leaves_nothing(self) -> None:
        """Removed half-way with its data, it leaves nothing."""
        info_hash = await self.share(self.alice, self.image)
        bob = await self.begun(self.folder("state"), info_hash)
        await bob.remove(info_hash, delete_data=True)
        self.assertEqual(os.listdir(self.downloads), [])


class DiskTests(HolesCase):
    """Bob's disk has another size, or stores no holes."""

    def mounted(self, *arguments: str) -> str:
        """A disk."""
        disk = self.folder("disk")
        mounting = subprocess.run(
            ["mount", *arguments, disk], capture_output=True, check=False, text=True
        )
        if mounting.returncode:
            raise SkipTest(f"a disk cannot be mounted here: {mounting.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    async def test_a_smaller_disk(self) -> None:
        """A disk that has room for what is written takes it, also after a restart half-way."""
        self.downloads = self.mounted("-t", "tmpfs", "-o", "size=32m", "tmpfs")
        info_hash = await self.share(self.alice, self.image)
        state = self.folder("state")
        bob = await self.start(state, SLOW)
        await self.begin(bob, info_hash)
        await when(bob, lambda: bob.library.get(info_hash).progress.done > 95 * MIB)
        await self.stop(bob)
        bob = await self.start(state)
        bob.offer_peers(info_hash, [address_of(self.alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertTrue(read(self.bobs("image")) == read(self.image))

    async def test_a_disk_without_holes(self) -> None:
        """Where zeros would be written, nothing is made: everything counts, and does not fit."""
        self.downloads = self.mounted("-t", "tmpfs", "-o", "size=32m", "tmpfs")
        # Such a disk takes FAT, which not every kernel has.
        self.patch(holes, "stores_holes", lambda _folder: False)
        info_hash = await self.share(self.alice, self.image)
        bob = await self.start()
        await self.begin(bob, info_hash)
        await when(bob, lambda: bool(bob.library.get(info_hash).error))
        self.assertIn("left", bob.library.get(info_hash).error)
        self.assertEqual(os.listdir(self.downloads), [])

"""Deleting the files of torrents, with real libtorrent sessions and a real trash."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorProcess
from twisted.trial.unittest import TestCase

from bitween.bittorrent.swarm import Swarm
from bitween.errors import BadPath, DeletionFailed
from bitween.files.deletion.process import delete_files
from bitween.files.deletion.worker import Order
from bitween.model.deletion import Deletion
from bitween.model.torrent import FileOrigin, InfoHash
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from tests.support.metainfo import metainfo
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, read, tree, when, write

ONE, TWO = b"1" * 700_000, b"2" * 500_000


class DeletionCase(SwarmCase):
    """A user with or without a trash."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Have the trash in a directory of its own, and share a folder from another machine."""
        self.data = self.folder("data")
        before = os.environ["XDG_DATA_HOME"]
        os.environ["XDG_DATA_HOME"] = self.data
        self.addCleanup(os.environ.__setitem__, "XDG_DATA_HOME", before)
        self.trash = os.path.join(self.data, "Trash")
        self.holiday = self.folder("holiday")
        write(os.path.join(self.holiday, "a", "one"), ONE)
        write(os.path.join(self.holiday, "b", "two"), TWO)
        self.alice, self.state = await self.start(), self.folder("state")
        self.bob = await self.start(self.state)
        self.downloads = self.folder("downloads")
        self.info_hash = await self.share(self.alice, self.holiday)

    async def fetched(self) -> str:
        """Have Bob fetch the folder; tells where it is."""
        await self.fetch(self.bob, self.info_hash, self.alice, folder=self.downloads)
        return os.path.join(self.downloads, "holiday")

    def origin(self, swarm: Swarm, info_hash: InfoHash) -> FileOrigin:
        """Where a torrent's files come from."""
        return swarm.library.get(info_hash).origin


class TrashTests(DeletionCase):
    """What goes where."""

    async def test_files_go_to_the_trash_as_one_thing(self) -> None:
        """Files go to the user's trash as one thing, with a note of where they were."""
        os.mkdir(self.trash)
        place = await self.fetched()
        told = Deletion(2, len(ONE + TWO), trash=True, kept=0)
        self.assertEqual(await self.bob.deletion(self.info_hash), told)
        self.assertEqual(tree(place), tree(self.holiday))
        self.assertEqual(await self.bob.remove(self.info_hash, delete_data=True), told)
        self.assertEqual(os.listdir(self.downloads), [])
        self.assertEqual(tree(os.path.join(self.trash, "files", "holiday")), tree(self.holiday))
        note = read(os.path.join(self.trash, "info", "holiday.trashinfo")).decode()
        self.assertIn(f"Path={os.path.realpath(place)}\n", note)
        self.assertTrue(note.startswith("[Trash Info]\n"), note)
        self.assertIn("DeletionDate=2", note)

    async def test_the_trash_is_never_written_over(self) -> None:
        """What lies in the trash is never written over."""
        os.mkdir(self.trash)
        for _ in range(2):
            await self.fetched()
            await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(
            sorted(os.listdir(os.path.join(self.trash, "files"))), ["holiday", "holiday.2"]
        )

    async def test_without_a_trash_files_are_deleted(self) -> None:
        """Who has none is told so, and the files are gone; no trash is made for them."""
        await self.fetched()
        told = Deletion(2, len(ONE + TWO), trash=False, kept=0)
        self.assertEqual(await self.bob.deletion(self.info_hash), told)
        self.assertEqual(await self.bob.remove(self.info_hash, delete_data=True), told)
        self.assertEqual((os.listdir(self.downloads), os.listdir(self.data)), ([], []))

    async def test_nothing_is_deleted_where_the_trash_fails(self) -> None:
        """Where the trash breaks down nothing is deleted for good instead."""
        os.mkdir(self.trash)
        write(os.path.join(self.trash, "files"), b"no folder")
        place = await self.fetched()
        with self.assertRaisesRegex(Exception, "could not be deleted"):
            await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(tree(place), tree(self.holiday))
        self.assertEqual(len(self.bob.library), 0)

    async def test_files_of_the_user_stay(self) -> None:
        """Files that are not the torrent's stay, and so does one that was changed."""
        for trash in (False, True):
            if trash:
                os.mkdir(self.trash)
            place = await self.fetched()
            write(os.path.join(place, "a", "notes"), b"mine")
            write(os.path.join(place, "b", "two"), b"edited")
            deleted = await self.bob.remove(self.info_hash, delete_data=True)
            self.assertEqual(deleted, Deletion(1, len(ONE), trash, kept=1))
            self.assertEqual(tree(place), {"a/notes": b"mine", "b/two": b"edited"})
            os.unlink(os.path.join(place, "a", "notes"))
            os.unlink(os.path.join(place, "b", "two"))
            os.removedirs(os.path.join(place, "b"))
            os.removedirs(os.path.join(place, "a"))
            os.makedirs(self.downloads, exist_ok=True)

    async def test_files_of_another_torrent_stay(self) -> None:
        """A file that is shared by itself as well stays."""
        place = await self.fetched()
        await self.share(self.bob, os.path.join(place, "a", "one"))
        deleted = await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(deleted, Deletion(1, len(TWO), trash=False, kept=1))
        self.assertEqual(tree(place), {"a/one": ONE})

    async def test_files_that_another_torrent_has_through_a_link_stay(self) -> None:
        """A file that is also shared by another path, which leads there by a link, stays."""
        place = await self.fetched()
        links = self.folder("links")
        os.symlink(os.path.join(place, "a"), os.path.join(links, "album"))
        os.symlink(self.downloads, os.path.join(links, "downloads"))
        await self.share(self.bob, os.path.join(links, "album"))
        await self.share(self.bob, os.path.join(links, "downloads", "holiday", "b", "two"))
        deleted = await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(deleted, Deletion(0, 0, trash=False, kept=2))
        self.assertEqual(tree(place), tree(self.holiday))

    async def test_files_that_were_moved_away_stay(self) -> None:
        """Files in a folder that the user keeps elsewhere, with a link in its place, stay."""
        place = await self.fetched()
        shelf = os.path.join(self.folder("shelf"), "a")
        os.rename(os.path.join(place, "a"), shelf)
        os.symlink(shelf, os.path.join(place, "a"))
        deleted = await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(deleted, Deletion(1, len(TWO), trash=False, kept=1))
        self.assertEqual(tree(shelf), {"one": ONE})

    async def test_edited_files_stay(self) -> None:
        """A file that the user has edited stays, also if its size is what it was."""
        edited = b"3" * len(TWO)
        for noticed in (False, True):
            place = await self.fetched()
            write(os.path.join(place, "b", "two"), edited)
            if noticed:
                self.bob.recheck(self.info_hash)
                await when(self.bob, lambda: bool(self.bob.library.get(self.info_hash).error))
            deleted = await self.bob.remove(self.info_hash, delete_data=True)
            self.assertEqual(deleted, Deletion(1, len(ONE), trash=False, kept=1))
            self.assertEqual(tree(place), {"b/two": edited})
            shutil.rmtree(place)

    async def test_files_edited_after_the_clock_was_set_back_stay(self) -> None:
        """An edited file stays, though its time is earlier than that of the download."""
        place = await self.fetched()
        edited = write(os.path.join(place, "b", "two"), b"3" * len(TWO))
        os.utime(edited, (1_000_000_000, 1_000_000_000))
        deleted = await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(deleted, Deletion(1, len(ONE), trash=False, kept=1))
        self.assertEqual(tree(place), {"b/two": b"3" * len(TWO)})

    async def test_files_that_were_copied_back_go_once_verified(self) -> None:
        """Files with the right content go, whatever their times are, once that is verified."""
        place = await self.fetched()
        os.utime(os.path.join(place, "b", "two"))
        self.bob.recheck(self.info_hash)
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).state == "seeding")
        deleted = await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(deleted, Deletion(2, len(ONE + TWO), trash=False, kept=0))

    async def test_files_in_place_of_skipped_ones_stay(self) -> None:
        """What lies where a file was left out is not the torrent's."""
        options = TorrentOptions(paused=True)
        await self.bob.download(self.info_hash, "", self.downloads, options)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).files is not None)
        files = self.bob.library.get(self.info_hash).files or ()
        left_out = next(n for n, file in enumerate(files) if file.path.endswith("two"))
        options = TorrentOptions(selection=Selection(skipped=frozenset([left_out])))
        await self.bob.set_options(self.info_hash, options)
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).completed is not None)
        mine = write(os.path.join(self.downloads, "holiday", "b", "two"), b"mine")
        await self.bob.remove(self.info_hash, delete_data=True)
        self.assertEqual(tree(self.downloads), {"holiday/b/two": read(mine)})

    async def test_nothing_appears_after_a_deletion_in_mid_download(self) -> None:
        """What is still being fetched goes as well, and nothing of it appears afterwards."""
        big = write(os.path.join(self.folder(), "big"), os.urandom(8 * 2**20))
        alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=4_000_000)))
        info_hash = await self.share(alice, big)
        for _ in range(3):
            await self.bob.download(info_hash, "", self.downloads)
            self.bob.offer_peers(info_hash, [address_of(alice)])
            await when(self.bob, lambda: self.bob.library.get(info_hash).progress.done > 0)
            await self.bob.remove(info_hash, delete_data=True)
            # What libtorrent still had to write for the one would come before the other.
            await self.fetch(self.bob, self.info_hash, self.alice)
            await self.bob.remove(self.info_hash, delete_data=False)
            self.assertEqual(os.listdir(self.downloads), [])


class LeftOutTests(DeletionCase):
    """Files that are left out of a download, and wanted later."""

    async def test_a_file_in_place_of_a_skipped_one_is_not_written_over(self) -> None:
        """What the user has put there meanwhile is not written over; without it, it goes on."""
        await self.bob.download(self.info_hash, "", self.downloads, TorrentOptions(paused=True))
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).files is not None)
        files = self.bob.library.get(self.info_hash).files or ()
        left_out = next(n for n, file in enumerate(files) if file.path.endswith("two"))
        some = TorrentOptions(selection=Selection(skipped=frozenset([left_out])))
        await self.bob.set_options(self.info_hash, some)
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).completed is not None)
        mine = write(os.path.join(self.downloads, "holiday", "b", "two"), b"mine")
        with self.assertRaisesRegex(BadPath, "'holiday/b/two' is there already"):
            await self.bob.set_options(self.info_hash, TorrentOptions())
        self.assertEqual(self.bob.library.get(self.info_hash).options, some)
        self.assertEqual(read(mine), b"mine")
        os.unlink(mine)
        await self.bob.set_options(self.info_hash, TorrentOptions())
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).state == "seeding")
        self.assertEqual(read(mine), TWO)


class OriginTests(DeletionCase):
    """Whose files they are is known, also after a restart."""

    async def test_each_origin_is_recorded(self) -> None:
        """Shared in place, fetched, uploaded."""
        await self.fetched()
        uploaded = metainfo(write(os.path.join(self.downloads, "sent"), TWO))
        await self.bob.share(uploaded, self.downloads, FileOrigin.UPLOADED)
        self.assertIs(self.origin(self.alice, self.info_hash), FileOrigin.SHARED)
        for _ in range(2):
            self.assertIs(self.origin(self.bob, self.info_hash), FileOrigin.FETCHED)
            self.assertIs(self.origin(self.bob, uploaded.info_hash), FileOrigin.UPLOADED)
            await self.stop(self.bob)
            self.bob = await self.start(self.state)

    async def test_files_found_complete_count_as_originals(self) -> None:
        """Files that a download finds complete were not fetched by it: they are originals."""
        for path, content in tree(self.holiday).items():
            write(os.path.join(self.downloads, "holiday", path), content)
        await self.fetched()
        self.assertIs(self.origin(self.bob, self.info_hash), FileOrigin.SHARED)

    async def test_sharing_a_copy_makes_it_an_original(self) -> None:
        """Who shares their own copy of what is being fetched shares originals."""
        await self.bob.download(self.info_hash, "", self.downloads)
        await self.share(self.bob, self.holiday)
        self.assertIs(self.origin(self.bob, self.info_hash), FileOrigin.SHARED)


class Killing:
    """A reactor whose processes are killed as soon as they run."""

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def spawnProcess(self, *args: Any, **options: Any) -> Any:
        """Start a process, and kill it."""
        process = cast(IReactorProcess, reactor).spawnProcess(*args, **options)
        process.signalProcess("KILL")
        return process


class KilledTests(TestCase):
    """The process that deletes."""

    async def test_a_killed_process_is_an_error(self) -> None:
        """As where memory runs out: that is told, and nobody waits for it any longer."""
        order = Order(self.mktemp(), "film", (), ".parts", (), "", complete=False, erase=True)
        with self.assertRaises(DeletionFailed) as raised:
            await delete_files(Killing(), order)
        self.assertIn("killed (signal 9)", str(raised.exception))

"""A disk that is too small: whatever leads to fetching, nothing is fetched that has no room."""

from __future__ import annotations

import contextlib
import os
import subprocess
from contextlib import closing
from dataclasses import replace

from twisted.trial.unittest import SkipTest

from bitween.bittorrent.swarm import Swarm
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import Torrent, TorrentState
from bitween.model.torrent_error import Reason
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from bitween.storage.database import Database
from tests.support.full_disk import DatabaseOnFullDisk
from tests.support.swarms import LOOPBACK, AlertTap, SwarmCase, address_of, read, when, write
from tests.support.waiting import until

MIB = 2**20
WATCHFUL = replace(LOOPBACK, look_seconds=0.3)
#: Nothing that is only looked at again by itself goes on within a test.
PATIENT = replace(LOOPBACK, look_seconds=3600.0)


class RoomCase(SwarmCase):
    """Bob has a separate disk of 16 MiB for downloads; Alice has a folder of three files."""

    sizes = (2 * MIB, 6 * MIB, 6 * MIB)

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Alice shares it."""
        self.alice = await self.start()
        self.source = self.folder("source")
        for name, size in zip("abc", self.sizes, strict=True):
            write(os.path.join(self.source, name), os.urandom(size))
        self.info_hash = await self.share(self.alice, self.source)
        self.state, self.disk = self.folder("state"), self.folder("disk")
        self.mount("-t", "tmpfs", "-o", "size=16m")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.filler = os.path.join(self.disk, "filler")
        self.lowest = self.free()

    def mount(self, *arguments: str) -> None:
        """Mount the disk, or change how it is mounted."""
        mounting = subprocess.run(
            ["mount", *arguments, "tmpfs", self.disk], capture_output=True, check=False, text=True
        )
        if mounting.returncode:
            raise SkipTest(f"a disk cannot be mounted here: {mounting.stderr.strip()}")

    def free(self) -> int:
        """The bytes that are left."""
        room = os.statvfs(self.disk)
        return room.f_bavail * room.f_frsize

    def leave(self, size: int) -> None:
        """Have another program leave only so much."""
        with open(self.filler, "ab") as file:
            file.write(bytes(self.free() - size))

    async def bobs(self, options: SwarmOptions = PATIENT, tap: AlertTap | None = None) -> Swarm:
        """A start of Bob's daemon."""
        self.bob = await self.start(self.state, options, tap)
        self.bob.events.subscribe(lambda _: self.look())
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        return self.bob

    def look(self) -> None:
        """Note how full the disk is."""
        self.lowest = min(self.lowest, self.free())

    async def download(self, options: TorrentOptions | None = None) -> None:
        """Let Bob fetch the folder."""
        await self.bob.download(self.info_hash, "", self.disk, options or TorrentOptions())
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])

    def torrent(self) -> Torrent:
        """Bob's."""
        return self.bob.library.get(self.info_hash)

    async def state_is(self, state: TorrentState) -> None:
        """Wait for Bob's torrent to be in a state."""
        await when(self.bob, lambda: self.torrent().state is state)

    async def set_options(self, **changes: object) -> None:
        """Let Bob want something else."""
        await self.bob.set_options(self.info_hash, replace(self.torrent().options, **changes))  # type: ignore[arg-type]  # by field name

    async def refused(self) -> None:
        """Wait until there is too little room, and see that none was taken."""
        await self.state_is(TorrentState.ERROR)
        trouble = self.torrent().trouble
        assert trouble is not None
        self.assertEqual(trouble.reason, Reason.FULL)
        self.assertIn("are to come", trouble.text)

    def here(self) -> set[str]:
        """What of the folder Bob has."""
        folder = os.path.join(self.disk, "source")
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()

    async def arrives(self) -> None:
        """Wait until all of it is here, and right."""
        await self.state_is(TorrentState.SEEDING)
        for name in "abc":
            self.assertEqual(
                read(os.path.join(self.disk, "source", name)),
                read(os.path.join(self.source, name)),
            )


class GateTests(RoomCase):
    """A download that does not fit, and all that could begin it nevertheless."""

    async def test_a_refused_download_starts_after_a_restart_with_room(self) -> None:
        """What was refused is refused by the next run, too, and begins with room."""
        self.leave(5 * MIB)
        await self.bobs()
        await self.download()
        await self.refused()
        await self.stop(self.bob)
        await self.bobs(WATCHFUL)
        await self.refused()
        self.assertEqual(self.here(), set())
        os.unlink(self.filler)
        await self.arrives()

    async def test_a_check_starts_nothing_without_room(self) -> None:
        """To look again, as the trouble suggests, looks, and begins nothing."""
        self.leave(5 * MIB)
        await self.bobs()
        await self.download()
        await self.refused()
        for _ in range(2):
            await self.bob.recheck(self.info_hash)
            self.assertEqual(self.torrent().error, "")
            await self.refused()
        self.assertEqual(self.here(), set())
        os.unlink(self.filler)
        await self.bob.recheck(self.info_hash)
        await self.arrives()

    async def test_a_paused_download_without_room_is_refused_on_resume(self) -> None:
        """What was begun paused is refused when it is resumed."""
        self.leave(5 * MIB)
        await self.bobs()
        await self.download(TorrentOptions(paused=True))
        await when(self.bob, lambda: self.torrent().files is not None)
        await self.set_options(paused=False)
        await self.refused()
        self.assertEqual(self.here(), set())

    async def test_further_files_without_room_are_refused(self) -> None:
        """Of a download that is at its end with one file, the others are refused, and not begun."""
        self.leave(5 * MIB)
        await self.bobs()
        await self.download(TorrentOptions(selection=Selection(skipped=frozenset({1, 2}))))
        await self.state_is(TorrentState.FINISHED)
        await self.set_options(selection=Selection())
        self.assertGreaterEqual(self.torrent().progress.left, 12 * MIB)
        await self.refused()
        self.assertEqual(self.here(), {"a"})
        await self.set_options(selection=Selection(skipped=frozenset({1, 2})))
        await self.state_is(TorrentState.FINISHED)

    async def test_the_order_of_pieces(self) -> None:
        """To fetch in order restarts a download, and only if there is room."""
        self.leave(5 * MIB)
        await self.bobs()
        await self.download(TorrentOptions(selection=Selection(sequential=True)))
        await self.refused()
        await self.bob.recheck(self.info_hash)
        await self.refused()
        self.assertEqual(self.here(), set())
        os.unlink(self.filler)
        await self.bob.recheck(self.info_hash)
        await self.arrives()

    async def test_room_reserved_by_another_download_is_not_free(self) -> None:
        """Room that another download is going to take is not there."""
        await self.bobs()
        self.alice.limit(Limits(upload=300_000))
        await self.download()
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        other = write(os.path.join(self.folder(), "film.mkv"), os.urandom(4 * MIB))
        film = await self.share(self.alice, other)
        await self.bob.download(film, "", self.disk)
        self.bob.offer_peers(film, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(film).state is TorrentState.ERROR)
        self.assertIn("are to come", self.bob.library.get(film).error)
        self.assertFalse(os.path.exists(os.path.join(self.disk, "film.mkv")))
        self.alice.limit(Limits())
        await self.arrives()

    async def test_a_place_in_the_queue(self) -> None:
        """A download whose turn has come is refused if the one before took the room."""
        await self.bobs(replace(PATIENT, active_downloads=1))
        self.alice.limit(Limits(upload=300_000))
        await self.download()
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        other = write(os.path.join(self.folder(), "film.mkv"), os.urandom(4 * MIB))
        film = await self.share(self.alice, other)
        await self.bob.download(film, "", self.disk, TorrentOptions(paused=True))
        self.bob.offer_peers(film, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(film).files is not None)
        await self.bob.set_options(film, TorrentOptions())
        await when(self.bob, lambda: self.bob.library.get(film).state is TorrentState.ERROR)
        self.alice.limit(Limits())
        await self.arrives()
        self.assertFalse(os.path.exists(os.path.join(self.disk, "film.mkv")))


class EntryTests(RoomCase):
    """What files and folders take beside their bytes."""

    async def many(self, count: int) -> None:
        """Alice shares so many tiny files, each in a folder of its own; Bob wants them."""
        source = self.folder("many")
        for number in range(count):
            write(os.path.join(source, f"{number}", "file"), b"%d" % number)
        self.info_hash = await self.share(self.alice, source)
        await self.bobs()
        await self.download()

    async def test_folders_take_room(self) -> None:
        """A few kilobytes in thousands of folders are refused where those do not fit."""
        await self.many(2500)
        await self.refused()
        self.assertEqual(os.listdir(self.disk), [])

    async def test_a_disk_that_takes_few_files(self) -> None:
        """So is what the disk has room for, but no file entries (inodes)."""
        self.mount("-o", "remount,size=16m,nr_inodes=200")
        await self.many(150)
        await self.refused()
        self.assertEqual(os.listdir(self.disk), [])


class HalfDoneTests(RoomCase):
    """A download of which a part is there."""

    async def begin(self, done: int) -> None:
        """Fetch some of it, and stop the daemon."""
        await self.bobs()
        self.alice.limit(Limits(upload=6_000_000))
        await self.download()
        await when(self.bob, lambda: self.torrent().progress.done > done)
        self.alice.limit(Limits(upload=50_000))
        await self.stop(self.bob)
        self.alice.limit(Limits())

    async def test_room_for_the_rest(self) -> None:
        """What lies there needs no room once more, neither at a start nor for a check."""
        await self.begin(2 * MIB)
        self.assertLess(self.free(), sum(self.sizes))
        await self.bobs()
        await self.bob.recheck(self.info_hash)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.arrives()

    async def test_no_room_for_the_rest(self) -> None:
        """The rest is refused, at a start and after a check; what is there stays."""
        await self.begin(2 * MIB)
        self.leave(3 * MIB)
        await self.bobs()
        await self.refused()
        await self.bob.recheck(self.info_hash)
        await self.refused()
        self.assertGreaterEqual(self.torrent().progress.done, MIB)
        self.assertGreaterEqual(self.lowest, 2 * MIB)
        os.unlink(self.filler)
        await self.bob.recheck(self.info_hash)
        await self.arrives()

    async def test_a_download_stops_before_another_program_fills_the_disk(self) -> None:
        """A download stands still before the last byte is taken, and goes on with room."""
        await self.bobs(WATCHFUL)
        self.alice.limit(Limits(upload=300_000))
        await self.download()
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        self.leave(300_000)
        self.bob.maintain()
        await self.state_is(TorrentState.ERROR)
        self.assertGreater(self.free(), 100_000)
        os.unlink(self.filler)
        self.alice.limit(Limits())
        await self.arrives()


class StateTests(RoomCase):
    """The database lies on the disk of the downloads."""

    async def test_a_download_leaves_room_for_the_database(self) -> None:
        """A download that would leave no room for the database is refused; it can be written."""
        self.state = os.path.join(self.disk, "state")
        os.mkdir(self.state)
        self.leave(15 * MIB)
        await self.bobs()
        await self.download()
        await self.refused()
        self.assertIn("always stay free", self.torrent().error)
        await self.set_options(selection=Selection(skipped=frozenset({2})))
        await self.state_is(TorrentState.FINISHED)
        self.assertGreater(self.free(), 1 * MIB)

    async def test_a_download_ends_once_the_database_has_room(self) -> None:
        """A download that comes to its end meanwhile is at its end as soon as that can be noted."""
        self.state = os.path.join(self.disk, "state")
        os.mkdir(self.state)
        tap = AlertTap()
        await self.bobs(tap=tap)
        downloads = self.folder("downloads")
        await self.bob.download(self.info_hash, "", downloads, TorrentOptions(paused=True))
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.torrent().files is not None)
        await self.set_options(paused=False)
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        def asked() -> bool:
            tap.session.post_updates()
            done = tap.session.file_progress(self.info_hash)
            return sum(done) >= sum(self.sizes)

        await until(asked, "every wanted byte has come")
        os.unlink(self.filler)
        self.bob.maintain()
        await self.state_is(TorrentState.SEEDING)
        self.flushLoggedErrors()

    def fill(self) -> None:
        """Have another program take the last byte."""
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            while True:
                file.write(b"0")

    async def test_removing_without_room(self) -> None:
        """A torrent can be removed when not a byte is left, for that makes room."""
        self.state = os.path.join(self.disk, "state")
        os.mkdir(self.state)
        await self.bobs()
        await self.download(TorrentOptions(selection=Selection(skipped=frozenset({2}))))
        await self.state_is(TorrentState.FINISHED)
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(MIB))
        film = await self.share(self.bob, path)
        self.fill()
        await self.bob.remove(film, delete_data=False)
        self.assertEqual(self.flushLoggedErrors(), [])
        deletion = await self.bob.remove(self.info_hash, delete_data=True)
        assert deletion is not None
        self.assertEqual(deletion.files, 2)
        await self.stop(self.bob)
        self.assertEqual(len((await self.bobs()).library), 0)


class ForgettingTests(SwarmCase):
    """What cannot be noted of a removal is noted later."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Have a swarm remove its only torrent while the store fails."""
        self.path = os.path.join(self.folder("state"), "bitween.db")
        self.store = DatabaseOnFullDisk.open(self.path)
        self.swarm = await self.start(database=self.store)
        self.film = write(os.path.join(self.folder(), "film.mkv"), b"film" * 1000)
        self.info_hash = await self.share(self.swarm, self.film)
        self.store.fill_disk()
        await self.swarm.remove(self.info_hash, delete_data=False)
        self.assertNotIn(self.info_hash, self.swarm.library)

    def kept(self) -> int:
        """How many torrents are stored."""
        return len(list(self.store.torrents()))

    async def test_a_torrent_is_forgotten_once_the_database_has_room(self) -> None:
        """As soon as the store can be written to."""
        self.swarm.maintain()
        self.assertEqual(self.kept(), 1)
        self.store.make_room()
        self.swarm.maintain()
        self.assertEqual(self.kept(), 0)

    async def test_a_torrent_is_forgotten_at_the_end_of_the_daemon(self) -> None:
        """Before the daemon ends at the latest."""
        self.store.make_room()
        await self.stop(self.swarm)
        with closing(Database.open(self.path)) as again:
            self.assertEqual(list(again.torrents()), [])

    async def test_a_torrent_shared_again_meanwhile_stays(self) -> None:
        """What is shared again meanwhile stays."""
        # A share is an answer only if it is stored.
        self.store.make_room()
        await self.share(self.swarm, self.film)
        self.swarm.maintain()
        self.assertEqual(self.kept(), 1)

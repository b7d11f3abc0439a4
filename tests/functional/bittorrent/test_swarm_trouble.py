"""Files that go, change, or cannot be written: what is shown, and how it goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from dataclasses import replace

from twisted.trial.unittest import SkipTest

from bitween.bittorrent.swarm import Swarm
from bitween.errors import StoreError, UnknownTorrent
from bitween.model.events import SwarmEvent, TorrentChanged
from bitween.model.torrent import InfoHash, TorrentState
from bitween.model.torrent_error import Reason, Remedy
from bitween.model.torrent_options import Limits, TorrentOptions
from tests.support.full_disk import DatabaseOnFullDisk
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, read, when, write

# So often that a test need not wait long.
WATCHFUL = replace(LOOPBACK, look_seconds=0.3)
CONTENT = bytes(range(256)) * 1000


class TroubleCase(SwarmCase):
    """Waits for trouble, and for its end."""

    async def trouble(self, swarm: Swarm, info_hash: InfoHash) -> str:
        """Wait until a torrent stands still and is announced no longer; why it does."""
        await when(swarm, lambda: swarm.library.get(info_hash).error != "")
        torrent = swarm.library.get(info_hash)
        self.assertEqual((torrent.state, torrent.complete), (TorrentState.ERROR, False))
        await when(swarm, lambda: info_hash not in swarm.library.shares)
        return torrent.error

    def why(self, swarm: Swarm, info_hash: InfoHash) -> tuple[Reason, Remedy | None]:
        """What a torrent says of its trouble to programs."""
        trouble = swarm.library.get(info_hash).trouble
        assert trouble is not None
        return trouble.reason, trouble.remedy

    async def mended(self, swarm: Swarm, info_hash: InfoHash) -> None:
        """Wait until a torrent is complete and announced."""
        await when(swarm, lambda: swarm.library.get(info_hash).complete)
        torrent = swarm.library.get(info_hash)
        self.assertEqual((torrent.state, torrent.error), (TorrentState.SEEDING, ""))
        self.assertIn(info_hash, swarm.library.shares)


class SeedTests(TroubleCase):
    """The files of a share."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Share a folder."""
        self.state = self.folder("state")
        self.alice = await self.start(self.state, WATCHFUL)
        self.shared = self.folder("holiday")
        self.path = write(os.path.join(self.shared, "a", "one"), CONTENT)
        write(os.path.join(self.shared, "two"), CONTENT[::-1])
        self.info_hash = await self.share(self.alice, self.shared)

    async def test_a_file_that_is_gone(self) -> None:
        """It is named, and the share goes on by itself when it is back."""
        os.unlink(self.path)
        self.assertIn("one' is missing", await self.trouble(self.alice, self.info_hash))
        self.assertEqual(self.why(self.alice, self.info_hash), (Reason.MISSING, Remedy.SHARE_AGAIN))
        write(self.path, CONTENT)
        await self.mended(self.alice, self.info_hash)
        bob = await self.start()
        await self.fetch(bob, self.info_hash, self.alice)

    async def test_a_folder_that_is_gone(self) -> None:
        """A disk that is away for a while costs no check when it is back."""
        os.rename(self.shared, self.shared + " away")
        self.assertIn("is missing", await self.trouble(self.alice, self.info_hash))
        told: list[SwarmEvent] = []
        self.alice.events.subscribe(told.append)
        os.rename(self.shared + " away", self.shared)
        await self.mended(self.alice, self.info_hash)
        states = {event.torrent.state for event in told if isinstance(event, TorrentChanged)}
        self.assertNotIn(TorrentState.CHECKING, states)

    async def test_a_file_that_is_truncated(self) -> None:
        """The error names it, also if a peer requests what it held."""
        os.truncate(self.path, 1000)
        self.assertIn("another size", await self.trouble(self.alice, self.info_hash))
        write(self.path, CONTENT)
        await self.mended(self.alice, self.info_hash)

    async def test_a_file_that_is_another(self) -> None:
        """Changed content of the same size is found out, left alone, and no longer shared."""
        changed = CONTENT[:-1] + b"!"
        write(self.path, changed)
        self.assertIn("another than it was", await self.trouble(self.alice, self.info_hash))
        self.assertEqual(read(self.path), changed)
        self.assertEqual(self.why(self.alice, self.info_hash), (Reason.CHANGED, Remedy.SHARE_AGAIN))
        write(self.path, CONTENT)
        await self.mended(self.alice, self.info_hash)

    async def test_a_file_that_was_touched(self) -> None:
        """One that only looks changed is shared again once it is verified."""
        os.utime(self.path, (1, 1))
        await when(self.alice, lambda: not self.alice.library.get(self.info_hash).complete)
        await self.mended(self.alice, self.info_hash)

    async def test_a_folder_in_the_place_of_a_file(self) -> None:
        """It is named."""
        os.unlink(self.path)
        os.mkdir(self.path)
        self.assertIn("is not a file", await self.trouble(self.alice, self.info_hash))
        os.rmdir(self.path)
        write(self.path, CONTENT)
        await self.mended(self.alice, self.info_hash)

    async def test_a_file_that_may_not_be_read(self) -> None:
        """It is named."""
        if os.geteuid() == 0:
            # A superuser may read everything: what the owner may is what counts, as for others.
            self.patch(os, "access", lambda path, _: bool(os.stat(path).st_mode & stat.S_IRUSR))
        os.chmod(self.path, 0)
        self.assertIn("may not be read", await self.trouble(self.alice, self.info_hash))
        self.assertEqual(self.why(self.alice, self.info_hash), (Reason.FORBIDDEN, Remedy.RECHECK))
        os.chmod(self.path, 0o600)
        await self.mended(self.alice, self.info_hash)

    async def test_trouble_while_it_did_not_run(self) -> None:
        """A change between two runs is found at the start, and mended later."""
        await self.stop(self.alice)
        os.rename(self.path, self.path + " away")
        alice = await self.start(self.state, WATCHFUL)
        self.assertIn("is missing", await self.trouble(alice, self.info_hash))
        write(self.path, CONTENT[::-1])
        await when(alice, lambda: "another than" in alice.library.get(self.info_hash).error)
        await self.stop(alice)
        os.rename(self.path + " away", self.path)
        alice = await self.start(self.state, WATCHFUL)
        await self.mended(alice, self.info_hash)

    async def test_what_does_not_show(self) -> None:
        """Bytes that changed behind the back of the file system's clock are found on demand."""
        before = os.stat(self.path)
        for content in (CONTENT[::-1], CONTENT):
            write(self.path, content)
            os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
            await self.alice.recheck(self.info_hash)
            if content != CONTENT:
                await self.trouble(self.alice, self.info_hash)
        await self.mended(self.alice, self.info_hash)

    async def test_rechecking_what_is_sound(self) -> None:
        """It is not shared until it is verified, and is again then."""
        await self.alice.recheck(self.info_hash)
        self.assertEqual(self.alice.library.get(self.info_hash).state, TorrentState.CHECKING)
        self.assertNotIn(self.info_hash, self.alice.library.shares)
        await self.alice.recheck(self.info_hash)
        await self.mended(self.alice, self.info_hash)
        with self.assertRaises(UnknownTorrent):
            await self.alice.recheck(InfoHash("ab" * 20))

    async def test_a_stop_while_rechecking(self) -> None:
        """What was to be verified is verified by the next run."""
        before = os.stat(self.path)
        write(self.path, CONTENT[::-1])
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        await self.alice.recheck(self.info_hash)
        await self.stop(self.alice)
        alice = await self.start(self.state, WATCHFUL)
        await self.trouble(alice, self.info_hash)

    async def test_removing_what_is_in_trouble(self) -> None:
        """What is left of its files is deleted with it."""
        os.unlink(self.path)
        await self.trouble(self.alice, self.info_hash)
        await self.alice.remove(self.info_hash, delete_data=True)
        self.assertFalse(os.path.exists(self.shared))


class FullStateTests(TroubleCase):
    """Nothing can be written to the database: what fails is as it was before."""

    async def test_what_cannot_be_stored_is_not_done(self) -> None:
        """Neither a pause, nor a limit, nor a check; only a removal works without the database."""
        database = DatabaseOnFullDisk.open(os.path.join(self.folder("state"), "bitween.db"))
        swarm = await self.start(database=database)
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(100_000))
        info_hash = await self.share(swarm, path)
        await when(swarm, lambda: swarm.library.get(info_hash).state is TorrentState.SEEDING)
        before = swarm.library.get(info_hash)
        database.fill_disk()
        for attempt in (
            lambda: swarm.set_options(info_hash, TorrentOptions(paused=True)),
            lambda: swarm.set_options(info_hash, TorrentOptions(limits=Limits(5, 5))),
            lambda: swarm.recheck(info_hash),
        ):
            with self.assertRaises(StoreError):
                await attempt()
            self.assertEqual(await swarm.check_files(info_hash), before)
            self.assertEqual(swarm.library.get(info_hash), before)
        database.make_room()
        await swarm.recheck(info_hash)
        await when(swarm, lambda: swarm.library.get(info_hash).state is TorrentState.SEEDING)


class DownloadTests(TroubleCase):
    """The files of a download."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Share a file from another machine, slowly enough to see it come."""
        self.content = os.urandom(6 * 2**20)
        self.alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=3_000_000)))
        path = write(os.path.join(self.folder(), "film.mkv"), self.content)
        self.info_hash = await self.share(self.alice, path)
        self.state, self.downloads = self.folder("state"), self.folder("downloads")
        self.database = DatabaseOnFullDisk.open(os.path.join(self.state, "bitween.db"))
        self.bob = await self.start(options=WATCHFUL, database=self.database)

    async def begin(self, until: int = 0) -> None:
        """Begin to fetch, wait for the first bytes, and have hardly anything come after them."""
        await self.bob.download(self.info_hash, "", self.downloads)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).progress.done > until)
        self.alice.limit(Limits(upload=50_000))

    async def end(self) -> None:
        """Wait for all of it, which comes quickly now."""
        self.alice.limit(Limits())
        await self.mended(self.bob, self.info_hash)
        self.assertEqual(read(os.path.join(self.downloads, "film.mkv")), self.content)

    def disk(self, size: str) -> None:
        """Have the download directory be a disk of its own."""
        self.mount("tmpfs", "-t", "tmpfs", "-o", f"size={size}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.downloads], check=True)

    def mount(self, *arguments: str) -> None:
        """Mount, or change how it is mounted."""
        mounting = subprocess.run(
            ["mount", *arguments[1:], arguments[0], self.downloads],
            capture_output=True,
            check=False,
            text=True,
        )
        if mounting.returncode:
            raise SkipTest(f"a disk cannot be mounted here: {mounting.stderr.strip()}")

    async def test_a_full_disk(self) -> None:
        """It is told, and the download goes on by itself when there is room."""
        self.disk("8m")
        await self.begin()
        filler = os.path.join(self.downloads, "filler")
        with contextlib.suppress(OSError), open(filler, "wb") as file:
            file.write(bytes(8 * 2**20))
        self.assertTrue(await self.trouble(self.bob, self.info_hash))
        self.assertEqual(self.why(self.bob, self.info_hash), (Reason.FULL, Remedy.RECHECK))
        os.unlink(filler)
        await self.end()

    async def test_too_small_a_disk(self) -> None:
        """The download does not begin, says what is missing, and begins by itself with room."""
        self.disk("3m")
        await self.bob.download(self.info_hash, "", self.downloads)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        self.assertIn("are to come", await self.trouble(self.bob, self.info_hash))
        self.assertEqual(self.why(self.bob, self.info_hash), (Reason.FULL, Remedy.RECHECK))
        self.assertEqual(os.listdir(self.downloads), [])
        self.mount("tmpfs", "-o", "remount,size=64m")
        await self.end()

    async def test_a_disk_that_may_not_be_written_to(self) -> None:
        """It is told, and the download goes on by itself when it may."""
        self.disk("64m")
        self.mount("tmpfs", "-o", "remount,ro")
        await self.bob.download(self.info_hash, "", self.downloads)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        self.assertTrue(await self.trouble(self.bob, self.info_hash))
        self.assertEqual(self.why(self.bob, self.info_hash), (Reason.FORBIDDEN, Remedy.RECHECK))
        self.mount("tmpfs", "-o", "remount,rw")
        await self.end()

    async def test_what_was_fetched_is_gone(self) -> None:
        """It is reported and not fetched again, because its disk may only be detached."""
        await self.begin(1_000_000)
        away = os.path.join(self.downloads, "away")
        os.rename(os.path.join(self.downloads, "film.mkv"), away)
        self.assertIn("is missing", await self.trouble(self.bob, self.info_hash))
        self.assertEqual(self.why(self.bob, self.info_hash), (Reason.MISSING, Remedy.RECHECK))
        os.rename(away, os.path.join(self.downloads, "film.mkv"))
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).progress.done > 1_000_000)
        await self.end()

    async def test_fetching_anew_what_is_gone(self) -> None:
        """A check finds that nothing is there, and the download begins again."""
        await self.begin(1_000_000)
        os.unlink(os.path.join(self.downloads, "film.mkv"))
        await self.trouble(self.bob, self.info_hash)
        await self.bob.recheck(self.info_hash)
        await self.end()

    async def test_rechecking_in_the_middle(self) -> None:
        """Nothing that is there is fetched again, and what was spoilt is."""
        await self.begin(2_000_000)
        with open(os.path.join(self.downloads, "film.mkv"), "r+b") as file:
            file.write(b"spoilt")
        await self.bob.recheck(self.info_hash)
        await self.end()

    async def test_a_stop_in_trouble(self) -> None:
        """What could not be written is verified by the next run, and fetched then."""
        await self.begin(1_000_000)
        shutil.move(os.path.join(self.downloads, "film.mkv"), self.downloads + " away")
        await self.trouble(self.bob, self.info_hash)
        await self.stop(self.bob)
        shutil.move(self.downloads + " away", os.path.join(self.downloads, "film.mkv"))
        self.bob = await self.start(self.state, WATCHFUL)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.end()

    async def test_a_finished_download_that_is_gone(self) -> None:
        """It can be fetched once more; of a single file that was shared nothing would be left."""
        await self.begin()
        await self.end()
        os.unlink(os.path.join(self.downloads, "film.mkv"))
        await self.trouble(self.bob, self.info_hash)
        self.assertEqual(self.why(self.bob, self.info_hash), (Reason.MISSING, Remedy.FETCH_AGAIN))
        carol = await self.start(options=WATCHFUL)
        path = write(os.path.join(self.folder(), "single"), CONTENT)
        single = await self.share(carol, path)
        os.unlink(path)
        await self.trouble(carol, single)
        self.assertEqual(self.why(carol, single), (Reason.MISSING, Remedy.RECHECK))

    async def test_what_is_complete_stays_so(self) -> None:
        """The files of a finished download do not count as changed."""
        await self.begin()
        await self.end()
        told: list[SwarmEvent] = []
        self.bob.events.subscribe(told.append)
        carol = await self.start()
        await self.fetch(carol, self.info_hash, self.bob)
        states = {event.torrent.state for event in told if isinstance(event, TorrentChanged)}
        self.assertLessEqual(states, {TorrentState.SEEDING})

    async def test_a_database_that_cannot_be_written(self) -> None:
        """The download goes on, and its progress is stored when that is possible again."""
        await self.begin(1_000_000)
        self.database.fill_disk()
        self.bob.maintain()
        await when(self.bob, lambda: self.database.refused > 0)
        self.database.make_room()
        await self.end()
        await self.stop(self.bob)
        self.bob = await self.start(self.state, WATCHFUL)
        await self.mended(self.bob, self.info_hash)

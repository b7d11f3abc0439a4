"""What the user puts where a download writes, with real libtorrent sessions."""

from __future__ import annotations

import os
from collections.abc import Callable

from bitween.bittorrent.swarm import Swarm
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent_error import Reason, Remedy
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, Selection, TorrentOptions
from tests.support.swarms import HERE, SwarmCase, address_of, read, tree, when, write
from tests.support.waiting import until

MIB = 2**20
SLOW = SwarmOptions(
    ("127.0.0.1", 0), sealed=False, limits=Limits(upload=MIB), port_mapping=False, look_seconds=0.3
)
QUICK_LOOK = SwarmOptions(("127.0.0.1", 0), sealed=False, port_mapping=False, look_seconds=0.3)


class OthersCase(SwarmCase):
    """Alice shares a folder, slowly."""

    files = 3

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Share it."""
        self.source = self.folder("holiday")
        for number in range(self.files):
            write(os.path.join(self.source, f"day {number}", "film"), self.content(number))
        self.alice, self.state = await self.start(options=SLOW), self.folder("state")
        self.bob = await self.start(self.state, QUICK_LOOK)
        self.downloads = self.folder("downloads")
        self.info_hash = await self.share(self.alice, self.source)

    def content(self, number: int) -> bytes:
        """What a file holds."""
        return b"%03d" % number * 300_000

    def place(self, number: int) -> str:
        """Where a file of the download is to lie."""
        return os.path.join(self.downloads, "holiday", f"day {number}", "film")

    async def begin(self, swarm: Swarm, options: TorrentOptions = DEFAULT_OPTIONS) -> None:
        """Fetch until something is there."""
        await swarm.download(self.info_hash, "", self.downloads, options)
        swarm.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.until(swarm, lambda: swarm.library.get(self.info_hash).progress.done > 0)

    async def until(self, swarm: Swarm, holds: Callable[[], bool]) -> None:
        """Wait for something that an event of the swarm brings about."""
        await when(swarm, holds)

    async def until_refused(self, swarm: Swarm, number: int) -> None:
        """Wait until the download stands still because of what lies at the name of a file."""
        await self.until(swarm, lambda: bool(swarm.library.get(self.info_hash).error))
        trouble = swarm.library.get(self.info_hash).trouble
        assert trouble is not None
        self.assertEqual(trouble.path, f"holiday/day {number}/film")
        self.assertIn("is not the file that is downloaded there", trouble.text)
        self.assertEqual((trouble.reason, trouble.remedy), (Reason.CHANGED, Remedy.RECHECK))

    async def until_still(self, swarm: Swarm) -> None:
        """Wait until nothing more is written: no peer is left, and the disk has what came."""
        await until(lambda: not swarm.peers(self.info_hash), "the last peer is gone")
        await swarm.files_written(self.info_hash)

    async def ends_well(self, swarm: Swarm) -> None:
        """See that the download goes on by itself, and that it is whole in the end."""
        swarm.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.until(swarm, lambda: swarm.library.get(self.info_hash).complete)
        self.assertEqual(tree(os.path.join(self.downloads, "holiday")), tree(self.source))


class RunningTests(OthersCase):
    """A download that is running."""

    async def test_names_are_kept(self) -> None:
        """From the first byte on no name is left for the user to take unknowingly."""
        await self.begin(self.bob)
        for number in range(self.files):
            with self.assertRaises(FileExistsError):
                os.close(os.open(self.place(number), os.O_CREAT | os.O_EXCL))

    async def test_a_file_in_place_of_ours_is_not_written_over(self) -> None:
        """The download stops before it writes there, and goes on when that is gone."""
        await self.begin(self.bob)
        mine = write(os.path.join(self.folder("mine"), "film"), b"mine")
        os.rename(mine, self.place(2))
        await self.until_refused(self.bob, 2)
        await self.until_still(self.bob)
        self.assertEqual(read(self.place(2)), b"mine")
        os.unlink(self.place(2))
        await self.ends_well(self.bob)

    async def test_a_check_writes_nothing(self) -> None:
        """Nor does a check, which is what the trouble names, as long as it is there."""
        await self.begin(self.bob)
        mine = write(os.path.join(self.folder("mine"), "film"), b"mine")
        os.rename(mine, self.place(1))
        await self.until_refused(self.bob, 1)
        await self.bob.recheck(self.info_hash)
        await self.until_refused(self.bob, 1)
        self.assertEqual(read(self.place(1)), b"mine")


class StoppedTests(OthersCase):
    """A download that does nothing meanwhile."""

    async def test_a_file_placed_during_a_pause_is_noticed(self) -> None:
        """What was put there during a pause is seen before anything is fetched again."""
        await self.begin(self.bob)
        await self.bob.set_options(self.info_hash, TorrentOptions(paused=True))
        await self.until_still(self.bob)
        os.unlink(self.place(0))
        write(self.place(0), b"mine")
        await self.bob.set_options(self.info_hash, TorrentOptions())
        await self.until_refused(self.bob, 0)
        self.assertEqual(read(self.place(0)), b"mine")
        os.unlink(self.place(0))
        await self.ends_well(self.bob)

    async def test_a_file_placed_while_stopped_is_noticed(self) -> None:
        """The same while the daemon did not run."""
        await self.begin(self.bob)
        await self.stop(self.bob)
        os.unlink(self.place(0))
        write(self.place(0), b"mine")
        bob = await self.start(self.state, QUICK_LOOK)
        bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.until_refused(bob, 0)
        self.assertEqual(read(self.place(0)), b"mine")
        os.unlink(self.place(0))
        await self.ends_well(bob)

    async def test_a_half_done_download_goes_on_after_a_restart(self) -> None:
        """A download that is half done goes on where it was."""
        await self.begin(self.bob)
        done = self.bob.library.get(self.info_hash).progress.done
        await self.stop(self.bob)
        bob = await self.start(self.state, QUICK_LOOK)
        await self.until(bob, lambda: bob.library.get(self.info_hash).progress.done >= done)
        await self.ends_well(bob)


class ManyTests(OthersCase):
    """A torrent of many files, which are made when something is there."""

    files = 150

    def content(self, number: int) -> bytes:
        """What a file holds."""
        return b"%03d" % number * 10_000

    async def test_names_are_kept(self) -> None:
        """With the first content all names are taken, those of files that are to come as well."""
        await self.begin(self.bob, TorrentOptions(selection=Selection(sequential=True)))
        places = [self.place(number) for number in range(self.files)]
        await self.until(self.bob, lambda: all(map(os.path.lexists, places)))
        progress = self.bob.library.get(self.info_hash).progress
        self.assertLess(progress.done, progress.total / 2)
        await self.ends_well(self.bob)

    async def test_a_link_in_place_of_a_file_is_not_followed(self) -> None:
        """A link that takes the place of a file is not followed."""
        await self.begin(self.bob)
        self.bob.deny_peers_from([HERE])
        self.bob.flush_ip_filter()
        await self.bob.set_options(self.info_hash, TorrentOptions(paused=True))
        outside = write(os.path.join(self.folder("outside"), "film"), b"")
        place = next(
            place
            for place in map(self.place, range(self.files))
            if os.path.lexists(place) and not os.stat(place).st_size
        )
        os.unlink(place)
        os.symlink(outside, place)
        self.bob.allow_peers_from([HERE])
        await self.bob.set_options(self.info_hash, TorrentOptions())
        await self.until(self.bob, lambda: bool(self.bob.library.get(self.info_hash).error))
        self.assertEqual(read(outside), b"")

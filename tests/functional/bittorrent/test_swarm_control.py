"""Controlling torrents, between real libtorrent sessions."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import replace

from bitween.bittorrent.swarm import Swarm
from bitween.model.events import PeerMoved, SwarmEvent, TorrentFinished
from bitween.model.torrent import InfoHash, Torrent, TorrentState
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from bitween.util import cooperate
from tests.support.fakes.loopback import reactor
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, read, tree, when, write

#: bytes/s; so slow that nothing ends by itself while a test looks, however busy the machine is.
SLOW = replace(LOOPBACK, limits=Limits(upload=100_000))
RATE = 300_000
SIZE = 500_000


class ControlCase(SwarmCase):
    """Alice shares a folder of four files; what Bob has of it, a test decides."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Alice has it all."""
        self.alice = await self.start()
        self.source = self.folder("source")
        for name in "abcd":
            write(os.path.join(self.source, name), os.urandom(SIZE))
        self.info_hash = await self.share(self.alice, self.source)
        self.state, self.downloads = self.folder("state"), self.folder("downloads")
        self.bob = await self.start(self.state)

    async def begin(self, options: TorrentOptions) -> None:
        """Let Bob download it, from Alice."""
        await self.bob.download(self.info_hash, "", self.downloads, options)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])

    def torrent(self) -> Torrent:
        """Bob's."""
        return self.bob.library.get(self.info_hash)

    async def state_is(self, state: TorrentState) -> None:
        """Wait for Bob's torrent to be in a state."""
        await when(self.bob, lambda: self.torrent().state is state)

    async def set_options(self, **changes: object) -> Torrent:
        """Let Bob want something else."""
        options = replace(self.torrent().options, **changes)  # type: ignore[arg-type]  # by field name
        return await self.bob.set_options(self.info_hash, options)

    async def restart(self) -> None:
        """Restart Bob's daemon."""
        await self.stop(self.bob)
        self.bob = await self.start(self.state)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])

    def here(self) -> dict[str, bytes]:
        """The files that Bob has."""
        return tree(os.path.join(self.downloads, "source"))


class PauseTests(ControlCase):
    """Pausing and resuming."""

    async def test_options_are_set_while_files_are_selected(self) -> None:
        """A choice of files that takes a while to be checked undoes nothing that came after it."""
        await self.begin(TorrentOptions(paused=True))
        await when(self.bob, lambda: self.torrent().files is not None and self._is_placed())
        await self.set_options(selection=Selection(skipped=frozenset({0, 1, 3})))
        self.patch(cooperate, "SLICE", 0.0)
        choice = Selection(skipped=frozenset({3}))
        choosing = self.bob.set_options(
            self.info_hash, replace(self.torrent().options, selection=choice)
        )
        await self.set_options(ignore_seed_limits=True)
        await choosing
        self.assertEqual(
            self.torrent().options,
            TorrentOptions(paused=True, ignore_seed_limits=True, selection=choice),
        )

    async def test_a_download_begun_paused(self) -> None:
        """The list of its files comes, and nothing else does until it is resumed."""
        await self.begin(TorrentOptions(paused=True))
        await when(self.bob, lambda: self.torrent().files is not None and self._is_placed())
        self.assertIs(self.torrent().state, TorrentState.PAUSED)
        self.assertEqual([file.size for file in self.torrent().files or ()], [SIZE] * 4)
        self.assertEqual(
            (self.torrent().progress.done, self.torrent().progress.left), (0, 4 * SIZE)
        )
        self.assertEqual(os.listdir(self.downloads), [])
        await self.set_options(paused=False)
        await self.state_is(TorrentState.SEEDING)
        self.assertEqual(self.here(), tree(self.source))

    def _is_placed(self) -> bool:
        return self.bob.file_progress(self.info_hash) != () and self.torrent().progress.peers == 0

    async def test_pausing_on_the_way(self) -> None:
        """A paused download holds still, is not announced, stays so over a restart, and goes on."""
        self.alice.limit(Limits(upload=100_000))
        await self.begin(TorrentOptions())
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        self.assertIn(self.info_hash, self.bob.library.shares)
        await self.set_options(paused=True)
        self.assertIs(self.torrent().state, TorrentState.PAUSED)
        progress = self.torrent().progress
        self.assertEqual((progress.download_rate, progress.peers), (0, 0))
        self.assertNotIn(self.info_hash, self.bob.library.shares)
        await self.restart()
        self.assertIs(self.torrent().state, TorrentState.PAUSED)
        self.alice.limit(Limits())
        await self.set_options(paused=False)
        await self.state_is(TorrentState.SEEDING)
        self.assertEqual(self.here(), tree(self.source))

    async def test_a_paused_seed(self) -> None:
        """What is paused is not given away; sharing it again, or resuming it, lets it be."""
        options = self.alice.library.get(self.info_hash).options
        torrent = await self.alice.set_options(self.info_hash, replace(options, paused=True))
        self.assertIs(torrent.state, TorrentState.PAUSED)
        self.assertTrue(torrent.complete)
        self.assertNotIn(self.info_hash, self.alice.library.shares)
        await self.begin(TorrentOptions())
        self.assertEqual(await self.share(self.alice, self.source), self.info_hash)
        self.assertIs(self.alice.library.get(self.info_hash).state, TorrentState.SEEDING)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.state_is(TorrentState.SEEDING)

    async def test_checking_what_is_paused(self) -> None:
        """A check that is asked for is made, and the torrent is paused afterwards as before."""
        await self.begin(TorrentOptions())
        await self.state_is(TorrentState.SEEDING)
        await self.set_options(paused=True)
        await self.bob.recheck(self.info_hash)
        self.assertIs(self.torrent().state, TorrentState.CHECKING)
        await self.state_is(TorrentState.PAUSED)
        self.assertTrue(self.torrent().complete)


class SelectionTests(ControlCase):
    """Choosing files."""

    async def test_a_selection_before_the_start_is_kept(self) -> None:
        """Only what is chosen comes; the rest can be fetched later, also after a restart."""
        finished: list[SwarmEvent] = []
        self.bob.events.subscribe(
            lambda event: finished.append(event) if isinstance(event, TorrentFinished) else None
        )
        await self.begin(TorrentOptions(paused=True))
        await when(self.bob, lambda: self.torrent().files is not None)
        await self.set_options(paused=False, selection=Selection(skipped=frozenset({0, 2})))
        await when(self.bob, lambda: len(finished) == 1)
        self.assertIs(self.torrent().state, TorrentState.FINISHED)
        self.assertEqual(self.here().keys(), {"b", "d"})
        self.assertEqual(self.here()["b"], read(os.path.join(self.source, "b")))
        torrent = self.torrent()
        self.assertFalse(torrent.complete)
        self.assertEqual((torrent.progress.fraction, torrent.progress.left), (1.0, 0))
        self.assertIsNotNone(torrent.completed)
        self.assertIn(self.info_hash, self.bob.library.shares)
        await self.restart()
        await self.state_is(TorrentState.FINISHED)
        self.assertEqual(len(finished), 1)
        await self.set_options(selection=Selection())
        await self.state_is(TorrentState.SEEDING)
        self.assertEqual(self.here(), tree(self.source))
        # Where the ends of pieces were kept that belong to files that were left out.
        self.assertEqual(os.listdir(self.downloads), ["source"])

    async def test_choosing_on_the_way(self) -> None:
        """Files can be left out while the download runs; it ends when the others are here."""
        self.alice.limit(Limits(upload=100_000))
        await self.begin(TorrentOptions())
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        await self.set_options(selection=Selection(skipped=frozenset({0, 1, 3})))
        self.alice.limit(Limits())
        await self.state_is(TorrentState.FINISHED)
        self.assertEqual(
            read(os.path.join(self.downloads, "source", "c")), read(os.path.join(self.source, "c"))
        )
        self.assertEqual(list(self.bob.file_progress(self.info_hash))[2], SIZE)

    async def test_files_put_first_complete_first(self) -> None:
        """What is to be first is whole while the others are still to come."""
        self.alice.limit(Limits(upload=1_000_000))
        await self.begin(TorrentOptions(selection=Selection(first=(3,))))
        await when(self.bob, lambda: any(self.bob.file_progress(self.info_hash)))
        seen = self.watched()
        await when(self.bob, lambda: self.bob.file_progress(self.info_hash)[3] == SIZE)
        self.alice.limit(Limits())
        await self.state_is(TorrentState.SEEDING)
        # In any order, the others would have come as far as this one.
        for done in seen:
            self.assertTrue(done[3] == SIZE or sum(done[:3]) < SIZE, done)

    async def test_pieces_arrive_in_order(self) -> None:
        """The pieces come in their order."""
        self.alice.limit(Limits(upload=1_000_000))
        await self.begin(TorrentOptions(selection=Selection(sequential=True)))
        await when(self.bob, lambda: any(self.bob.file_progress(self.info_hash)))
        seen = self.watched()
        await when(self.bob, lambda: sum(self.bob.file_progress(self.info_hash)) > SIZE * 3 // 2)
        self.alice.limit(Limits())
        await self.state_is(TorrentState.SEEDING)
        for done in seen:
            self.assertTrue(done[0] == SIZE or done[3] == 0, done)

    def watched(self) -> list[list[int]]:
        """What has come of each file, at every event from now on, however late that is."""
        seen: list[list[int]] = []
        self.bob.events.subscribe(
            lambda _: seen.append(list(self.bob.file_progress(self.info_hash)))
        )
        return seen

    async def test_too_little_room(self) -> None:
        """A download that the disk cannot hold does not begin, and says so; fewer files may fit."""
        room = shutil.disk_usage(self.downloads)

        class _Stat:
            f_bavail = f_blocks = SIZE + 200_000
            f_frsize, f_files = 1, 0

        self.patch(os, "statvfs", lambda _: _Stat)
        self.assertGreater(room.free, 4 * SIZE)
        await self.begin(TorrentOptions())
        await self.state_is(TorrentState.ERROR)
        self.assertIn("0.7 MB left, and 2.0 MB are to come", self.torrent().error)
        self.assertEqual(os.listdir(self.downloads), [])
        await self.set_options(selection=Selection(skipped=frozenset({1, 2, 3})))
        await self.state_is(TorrentState.FINISHED)
        self.assertEqual(self.here().keys(), {"a"})


class QueueTests(SwarmCase):
    """The queue of downloads."""

    async def test_one_after_the_other(self) -> None:
        """At most the allowed number runs at a time; the oldest first, or one that is preferred."""
        alice = await self.start(options=SLOW)
        source = self.folder("source")
        paths = [write(os.path.join(source, name), os.urandom(2_000_000)) for name in "abc"]
        hashes = [await self.share(alice, path) for path in paths]
        bob = await self.start(options=replace(LOOPBACK, active_downloads=1))
        downloads = self.folder("downloads")
        most, ended = Counter[int](), list[InfoHash]()

        def watch(event: SwarmEvent) -> None:
            states = [torrent.state for torrent in bob.library]
            most[states.count(TorrentState.DOWNLOADING)] += 1
            if isinstance(event, TorrentFinished):
                ended.append(event.torrent.info_hash)

        for info_hash in hashes:
            await bob.download(info_hash, "", downloads)
            bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: self._states(bob).count(TorrentState.QUEUED) == 2)
        bob.events.subscribe(watch)
        last = bob.library.get(hashes[2])
        await bob.set_options(hashes[2], replace(last.options, queue_position=-1))
        await when(bob, lambda: bob.library.get(hashes[2]).state is TorrentState.DOWNLOADING)
        await when(bob, lambda: bob.library.get(hashes[0]).state is TorrentState.QUEUED)
        alice.limit(Limits())
        await when(bob, lambda: len(ended) == 3)
        self.assertEqual(ended[0], hashes[2])
        self.assertEqual(tree(downloads), tree(source))

    @staticmethod
    def _states(swarm: Swarm) -> list[TorrentState]:
        return [torrent.state for torrent in swarm.library]


class LimitTests(ControlCase):
    """Limits of one torrent."""

    async def test_a_torrents_own_limit(self) -> None:
        """It holds at once, and when it is lifted, too; it is kept over a restart."""
        began = reactor.seconds()
        await self.begin(TorrentOptions(limits=Limits(download=RATE)))
        await when(self.bob, lambda: self.torrent().progress.done > 0)
        self.assert_held_since(began)
        await self.restart()
        self.assertEqual(self.torrent().options.limits, Limits(download=RATE))
        self.assert_held_since(began)
        await self.set_options(limits=Limits())
        await self.state_is(TorrentState.SEEDING)

    def assert_held_since(self, began: float) -> None:
        """Check that at most as much has come as the limit allows."""
        most = SIZE + RATE * (reactor.seconds() - began)
        self.assertLess(self.torrent().progress.done, most)


class CountingTests(ControlCase):
    """Who brought how much."""

    async def test_both_sides_count(self) -> None:
        """All that was exchanged is told, by the peer's address, and its port where we dialled."""
        given, taken = self._moved(self.alice), self._moved(self.bob)
        await self.begin(TorrentOptions())
        await when(self.alice, lambda: sum(moved.uploaded for moved in given) == 4 * SIZE)
        await when(self.bob, lambda: sum(moved.downloaded for moved in taken) == 4 * SIZE)
        self.assertEqual({moved.port for moved in taken}, {address_of(self.alice).port})
        self.assertEqual({moved.port for moved in given}, {None})
        self.assertEqual(sum(moved.downloaded for moved in given), 0)

    @staticmethod
    def _moved(swarm: Swarm) -> list[PeerMoved]:
        """What will be told of peers."""
        told: list[PeerMoved] = []
        swarm.events.subscribe(
            lambda event: told.append(event) if isinstance(event, PeerMoved) else None
        )
        return told

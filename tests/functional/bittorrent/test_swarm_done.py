"""A download that is reported finished is on the disk: its readers get the right bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from bitween.api.results.encoding.torrents import TORRENT_FIELDS
from bitween.app.seeding import SeedingLimits
from bitween.app.torrents import Torrents
from bitween.bittorrent.engine.alerts import Alert, Flushed
from bitween.bittorrent.swarm import Swarm
from bitween.model.events import SwarmEvent, TorrentChanged, TorrentFinished
from bitween.model.torrent import InfoHash, Torrent, TorrentState
from bitween.model.torrent_options import Selection, TorrentOptions
from tests.support.swarms import LOOPBACK, AlertTap, SwarmCase, address_of, read, when, write
from tests.support.waiting import reactor_turn, until

# So much that the disk is behind when the last piece is verified.
FILES, SIZE = 24, 8 * 2**20
WATCHFUL = replace(LOOPBACK, look_seconds=0.3)


def says_done(torrent: Torrent) -> bool:
    """Whether anything that the API tells of a torrent means that it is all here."""
    told = {key: TORRENT_FIELDS[key](torrent) for key in ("progress", "complete", "left", "state")}
    return (
        cast(float, told["progress"]) >= 1
        or told["complete"] is True
        or (torrent.files is not None and told["left"] == 0)
        or told["state"] in ("finished", "seeding")
    )


class DoneTests(SwarmCase):
    """Bob fetches a folder from Alice as fast as they can."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Alice shares it."""
        self.alice = await self.start()
        self.source = self.folder("source")
        one = os.urandom(2**20)
        self.digests: list[bytes] = []
        for number in range(FILES):
            content = number.to_bytes(4, "big") + one[4:]
            content *= SIZE // len(content)
            self.digests.append(_digest(content))
            write(os.path.join(self.source, f"{number:02}"), content)
        self.info_hash = await self.share(self.alice, self.source)
        self.tap = AlertTap()
        self.bob = await self.start(options=WATCHFUL, tap=self.tap)
        self.downloads = self.folder("downloads")
        self.torrents = Torrents(self.bob, SeedingLimits(self.bob))

    async def begin(self, options: TorrentOptions | None = None) -> None:
        """Let Bob download it."""
        await self.bob.download(self.info_hash, "", self.downloads, options or TorrentOptions())
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])

    def path(self, number: int) -> str:
        """Where Bob has a file."""
        return os.path.join(self.downloads, "source", f"{number:02}")

    def wrong(self, numbers: Iterator[int] | range) -> list[int]:
        """Those of Bob's files of which the disk has other bytes."""
        return [number for number in numbers if not self.is_right(number)]

    def is_right(self, number: int) -> bool:
        """Whether the disk has a file."""
        try:
            return _digest(read(self.path(number))) == self.digests[number]
        except OSError:
            return False

    async def test_no_event_says_done_before_the_disk_has_every_byte(self) -> None:
        """Progress 1, complete, nothing left, seeding, finished: the disk has every byte."""
        said: list[tuple[object, bool]] = []

        def watch(event: SwarmEvent) -> None:
            finished = isinstance(event, TorrentFinished)
            if finished or (isinstance(event, TorrentChanged) and says_done(event.torrent)):
                torrent = self.bob.library.get(self.info_hash)
                said.append(((type(event), torrent.state), not self.wrong(range(FILES))))

        self.bob.events.subscribe(watch)
        await self.begin()
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).complete)
        self.assertTrue(said)
        self.assertEqual([what for what, right in said if not right], [])

    async def test_no_answer_says_done_before_the_disk_has_every_byte(self) -> None:
        """A request between two events gets the same answer."""
        await self.begin()

        def asked() -> bool:
            self.tap.session.post_updates()
            return says_done(self.bob.library.get(self.info_hash))

        await until(asked, "the download is done")
        self.assertEqual(self.wrong(range(FILES)), [])

    async def test_a_file_reported_complete_can_be_read(self) -> None:
        """A file that is said to be whole can be read, while the others are still to come."""
        await self.begin()
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).files is not None)
        checked: set[int] = set()
        while len(checked) < FILES:
            files = await self.torrents.files(self.info_hash)
            whole = {n for n, file in enumerate(files or ()) if file.done == file.entry.size}
            self.assertEqual(self.wrong(iter(sorted(whole - checked))), [])
            checked |= whole
            await reactor_turn()
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).complete)

    async def test_selected_files_reported_complete_can_be_read(self) -> None:
        """The same holds where only some files are wanted."""
        said: list[bool] = []

        def watch(event: SwarmEvent) -> None:
            if isinstance(event, TorrentChanged | TorrentFinished) and says_done(event.torrent):
                said.append(not self.wrong(range(0, FILES, 2)))

        self.bob.events.subscribe(watch)
        await self.begin(TorrentOptions(selection=Selection(skipped=frozenset(range(1, FILES, 2)))))
        await when(self.bob, lambda: bool(said))
        self.assertTrue(all(said))
        await when(
            self.bob,
            lambda: self.bob.library.get(self.info_hash).state is TorrentState.FINISHED,
        )

    async def test_a_copy_that_lost_a_file_is_not_done(self) -> None:
        """Of a copy that lost a file neither the whole nor that file is said to be there."""
        await self.begin()
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).complete)
        os.unlink(self.path(3))
        await when(self.bob, lambda: bool(self.bob.library.get(self.info_hash).error))
        torrent = self.bob.library.get(self.info_hash)
        self.assertFalse(says_done(torrent))
        self.assertEqual(torrent.progress.done, (FILES - 1) * SIZE)
        files = await self.torrents.files(self.info_hash)
        assert files is not None
        self.assertEqual([file.done for file in files[2:5]], [SIZE, 0, SIZE])

    async def test_a_wanted_file_that_is_gone_is_fetched_only_after_a_check(self) -> None:
        """It is told, stays away until a check is asked for, and is fetched again then."""
        await self.begin(TorrentOptions(selection=Selection(skipped=frozenset(range(2, FILES)))))
        finished = lambda: self.torrent_state() is TorrentState.FINISHED  # noqa: E731  # used twice
        await when(self.bob, finished)
        os.unlink(self.path(1))
        await when(self.bob, lambda: bool(self.bob.library.get(self.info_hash).error))
        torrent = self.bob.library.get(self.info_hash)
        self.assertFalse(says_done(torrent))
        self.assertIn("is missing", torrent.error)
        await self.periodic_check()
        self.assertFalse(os.path.exists(self.path(1)))
        await self.bob.recheck(self.info_hash)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, finished)
        self.assertEqual(self.wrong(range(2)), [])

    async def periodic_check(self) -> None:
        """Wait until the periodic check has passed over all of Bob's torrents with an error."""
        path = write(os.path.join(self.folder(), "other"), b"other")
        other = await self.share(self.bob, path)
        os.rename(path, f"{path}.away")
        await when(self.bob, lambda: bool(self.bob.library.get(other).error))
        os.rename(f"{path}.away", path)
        await when(self.bob, lambda: self.bob.library.get(other).complete)

    def torrent_state(self) -> TorrentState:
        """What Bob's torrent is doing."""
        return self.bob.library.get(self.info_hash).state


class FlushTap(AlertTap):
    """
    Calls a function before the swarm hears that a torrent is on the disk.

    :ivar flushed: called without arguments.
    """

    def __init__(self, flushed: Callable[[], None]) -> None:
        super().__init__()
        self.flushed = flushed

    def _pass_on(self, alerts: list[Alert]) -> None:
        if any(isinstance(alert, Flushed) for alert in alerts):
            self.flushed()
        super()._pass_on(alerts)


class LostFileTests(SwarmCase):
    """A wanted file that is removed after its last piece was verified."""

    async def test_a_download_that_lost_a_wanted_file_is_not_finished(self) -> None:
        """The file is looked at after the flush: the download stops, and nobody hears of an end."""
        source, downloads = self.folder("source"), self.folder("downloads")
        for name in ("a", "b"):
            write(os.path.join(source, name), os.urandom(2**20))
        alice = await self.start()
        info_hash = await self.share(alice, source)
        path = os.path.join(downloads, "source", "a")

        def lose() -> None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

        bob = await self.start(tap=FlushTap(lose))
        events: list[SwarmEvent] = []
        bob.events.subscribe(events.append)
        options = TorrentOptions(selection=Selection(skipped=frozenset({1})))
        await bob.download(info_hash, "", downloads, options)
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bool(bob.library.get(info_hash).error))
        torrent = bob.library.get(info_hash)
        self.assertIn("'source/a' is missing", torrent.error)
        self.assertFalse(says_done(torrent))
        self.assertFalse([event for event in events if isinstance(event, TorrentFinished)])


class SkippedFileTests(SwarmCase):
    """A file that is left out, all of whose bytes come with the pieces of others."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Bob has fetched two of three small files."""
        self.alice, self.state = await self.start(), self.folder("state")
        self.bob = await self.start(self.state)
        self.source = self.folder("source")
        for name in "abc":
            write(os.path.join(self.source, name), os.urandom(20_000))
        self.info_hash = await self.share(self.alice, self.source)
        skipped = Selection(skipped=frozenset({1}))
        self.downloads = self.folder("downloads")
        await self.bob.download(
            self.info_hash, "", self.downloads, TorrentOptions(selection=skipped)
        )
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.finished()

    async def finished(self) -> None:
        """Wait until Bob has everything wanted."""
        wanted = (TorrentState.FINISHED, TorrentState.ERROR)
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).state in wanted)
        self.assertEqual(self.bob.library.get(self.info_hash).error, "")

    async def test_it_is_not_said_to_be_there(self) -> None:
        """Its bytes are kept elsewhere, and no file of its name is made."""
        files = await Torrents(self.bob, SeedingLimits(self.bob)).files(self.info_hash)
        assert files is not None
        self.assertFalse(os.path.exists(os.path.join(self.downloads, "source", "b")))
        self.assertLess(files[1].done, files[1].entry.size)
        self.assertEqual([files[0].done, files[2].done], [20_000, 20_000])

    async def test_a_skipped_file_can_be_fetched_after_a_restart(self) -> None:
        """Nor is it missed after a check or a restart; wanted after all, it is there."""
        await self.bob.recheck(self.info_hash)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.finished()
        await self.stop(self.bob)
        self.bob = await self.start(self.state)
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await self.finished()
        await self.wanted_after_all()

    async def test_a_skipped_file_can_be_fetched_while_running(self) -> None:
        """The same while the daemon runs."""
        await self.wanted_after_all()

    async def wanted_after_all(self) -> None:
        """Let Bob want all files, which makes the torrent complete."""
        await self.bob.set_options(self.info_hash, TorrentOptions())
        here = lambda: self.bob.library.get(self.info_hash)  # noqa: E731  # used twice
        await when(self.bob, lambda: here().complete or bool(here().error))
        self.assertEqual(here().error, "")
        for name in "abc":
            path = os.path.join(self.downloads, "source", name)
            self.assertEqual(read(path), read(os.path.join(self.source, name)))


class PausedTests(SwarmCase):
    """What was all there before a restart."""

    async def test_a_paused_selection(self) -> None:
        """It is whole, though nothing is asked of libtorrent that would show it."""
        alice = await self.start()
        source = self.folder("source")
        for name in "ab":
            write(os.path.join(source, name), os.urandom(200_000))
        info_hash = await self.share(alice, source)
        state = self.folder("state")
        bob = await self.start(state)
        options = TorrentOptions(selection=Selection(skipped=frozenset({1})))
        await bob.download(info_hash, "", self.folder("downloads"), options)
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.FINISHED)
        await bob.set_options(info_hash, replace(options, paused=True))
        await self.stop(bob)
        bob = await self.start(state)
        await when(bob, lambda: _progress(bob, info_hash) == 1)


def _progress(swarm: Swarm, info_hash: InfoHash) -> float:
    return swarm.library.get(info_hash).progress.fraction


def _digest(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()

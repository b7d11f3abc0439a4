"""What a swarm still knows after a stop, a crash, or damage."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

import bitween
from bitween.model.torrent import TorrentState
from bitween.model.torrent_options import Limits
from tests.support import crashing_swarm
from tests.support.disposable_process import Mortal
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, read, when, write


class Downloading(Mortal):
    """A process that downloads, seen from the test."""

    def __init__(self, enough: int) -> None:
        """:param enough: the bytes at which ``reached`` fires."""
        super().__init__()
        self._enough = enough
        self.reached: Deferred[None] = Deferred()

    def line_received(self, line: bytes) -> None:
        """Read how much it has."""
        if int(line) >= self._enough and not self.reached.called:
            self.reached.callback(None)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        super().processEnded(reason)
        if not self.reached.called:
            self.reached.errback(reason)


class RestartTests(SwarmCase):
    """A stop and a new start."""

    async def test_a_share_is_shared_again(self) -> None:
        """After a stop it is in the library at once, complete, and serves others."""
        state = self.folder("state")
        alice, bob = await self.start(state), await self.start()
        path = write(os.path.join(self.folder(), "file"), os.urandom(500_000))
        info_hash = await self.share(alice, path)
        before = alice.library.get(info_hash)
        await self.stop(alice)
        alice = await self.start(state)
        self.assertEqual(alice.library.get(info_hash), before)
        self.assertIn(info_hash, alice.library.shares)
        await self.fetch(bob, info_hash, alice)

    async def test_what_was_given_is_remembered(self) -> None:
        """The sum of what a torrent gave to others outlives a stop."""
        state = self.folder("state")
        alice, bob = await self.start(state), await self.start()
        path = write(os.path.join(self.folder(), "file"), os.urandom(500_000))
        info_hash = await self.share(alice, path)
        await self.fetch(bob, info_hash, alice)
        await when(alice, lambda: alice.library.get(info_hash).progress.uploaded >= 500_000)
        await self.stop(alice)
        alice = await self.start(state)
        await when(alice, lambda: alice.library.get(info_hash).progress.uploaded >= 500_000)
        self.assertTrue(alice.library.get(info_hash).complete)

    async def test_a_half_done_download_goes_on(self) -> None:
        """After a clean stop a download has what it had, without checking it again."""
        state, downloads = self.folder("state"), self.folder("downloads")
        alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=500_000)))
        bob = await self.start(state)
        content = os.urandom(8_000_000)
        info_hash = await self.share(alice, write(os.path.join(self.folder(), "file"), content))
        await bob.download(info_hash, "file", downloads)
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).progress.done > 500_000)
        done = bob.library.get(info_hash).progress.done
        await self.stop(bob)
        bob = await self.start(state)
        await when(bob, lambda: bob.library.get(info_hash).progress.done >= done)
        self.assertFalse(bob.library.get(info_hash).complete)
        alice.limit(Limits())
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertEqual(read(os.path.join(downloads, "file")), content)

    async def test_the_port_is_kept(self) -> None:
        """The port is chosen once."""
        state = self.folder("state")
        alice = await self.start(state)
        listening = alice.listening
        await self.stop(alice)
        alice = await self.start(state)
        self.assertEqual(alice.listening, listening)

    async def test_a_missing_file_is_no_share(self) -> None:
        """A share whose file is gone or has another size says so, and is not announced."""
        state = self.folder("state")
        alice = await self.start(state)
        folder = self.folder()
        gone = await self.share(alice, write(os.path.join(folder, "gone"), b"x" * 100_000))
        grown = await self.share(alice, write(os.path.join(folder, "grown"), b"y" * 100_000))
        await self.stop(alice)
        os.unlink(os.path.join(folder, "gone"))
        write(os.path.join(folder, "grown"), b"z" * 100_001)
        alice = await self.start(state)
        for info_hash in (gone, grown):
            await when(alice, lambda h=info_hash: alice.library.get(h).error != "")  # type: ignore[misc]  # a lambda's default
            self.assertEqual(alice.library.get(info_hash).state, TorrentState.ERROR)
            self.assertNotIn(info_hash, alice.library.shares)
        self.assertEqual(os.listdir(folder), ["grown"])
        self.assertEqual(read(os.path.join(folder, "grown")), b"z" * 100_001)

    async def test_a_changed_share_is_not_overwritten(self) -> None:
        """A file that its owner changed is not fetched back from a peer that has the old one."""
        state = self.folder("state")
        alice, bob = await self.start(state), await self.start()
        path = write(os.path.join(self.folder(), "file"), os.urandom(200_000))
        info_hash = await self.share(alice, path)
        await self.fetch(bob, info_hash, alice)
        await self.stop(alice)
        write(path, b"edited")
        alice = await self.start(state)
        alice.offer_peers(info_hash, [address_of(bob)])
        await when(alice, lambda: alice.library.get(info_hash).error != "")
        self.assertEqual(read(path), b"edited")


class CrashTests(SwarmCase):
    """kill -9."""

    async def test_a_download_survives_kill_9(self) -> None:
        """Killed in mid-download, it goes on from what lies on the disk, and ends well."""
        state, downloads = self.folder("state"), self.folder("downloads")
        alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=1_500_000)))
        content = os.urandom(12_000_000)
        info_hash = await self.share(alice, write(os.path.join(self.folder(), "file"), content))
        child = Downloading(enough=4_500_000)
        cast(Any, reactor).spawnProcess(
            child,
            sys.executable,
            [
                *(sys.executable, "-m", crashing_swarm.__name__),
                *(state, downloads, info_hash, str(alice.listening[0][1])),
            ],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            path=os.path.dirname(os.path.dirname(bitween.__file__)),
        )
        self.addCleanup(child.kill)
        await child.reached
        child.kill()
        await child.gone
        bob = await self.start(state)
        # What was on its way to the disk at that moment may be lost.
        await when(bob, lambda: bob.library.get(info_hash).progress.done >= 2_000_000)
        self.assertFalse(bob.library.get(info_hash).complete)
        alice.limit(Limits())
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertEqual(read(os.path.join(downloads, "file")), content)

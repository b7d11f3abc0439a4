"""
``kill -9`` at any moment: hashing, downloading, seeding, saving, starting.

``KILLS`` in the environment says how often; ``SEED`` repeats a run, as far as that can be done.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

import bitween
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import Limits
from tests.support import killed_daemon
from tests.support.disposable_process import Mortal
from tests.support.swarms import LOOPBACK, SwarmCase, read, write

KILLS = int(os.environ.get("KILLS", "5"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(2**32))))

#: Bytes/s from the source.  What came in one second may be lost, where 30 are allowed.
RATE = 2_000_000
LOST = 2 * RATE
#: Bytes of the download that goes on over all kills.
LONG = max(4_000_000, KILLS * RATE // 2)


class Process(Mortal):
    """A daemon in a process of its own, seen from the test."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[Callable[[dict[str, Any]], bool], Deferred[dict[str, Any]]]] = []
        self.torrents: dict[str, dict[str, Any]] = {}
        self.verified: dict[str, int] = {}

    def says(self, holds: Callable[[dict[str, Any]], bool]) -> Deferred[dict[str, Any]]:
        """Wait for a line; fails if the process ends first."""
        waiting: Deferred[dict[str, Any]] = Deferred()
        self._waiting.append((holds, waiting))
        return waiting

    def tell(self, **command: str) -> Deferred[dict[str, Any]]:
        """Have it do something, and wait until that is accepted."""
        (subject,) = command.values()
        accepted = self.says(lambda message: message.get("accepted") == subject)
        assert self.transport is not None
        self.transport.write(json.dumps(command).encode() + b"\n")
        return accepted

    def line_received(self, line: bytes) -> None:
        """Take what it says."""
        self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "hash" in message:
            self.torrents[message["hash"]] = message
            if message["state"] in {"downloading", "seeding"}:
                self.verified.setdefault(message["hash"], message["done"])
        for waiting in self._waiting[:]:
            if waiting[0](message):
                self._waiting.remove(waiting)
                waiting[1].callback(message)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        waiting, self._waiting = self._waiting, []
        for _, each in waiting:
            each.errback(reason)
        super().processEnded(reason)


class KillTests(SwarmCase):
    """One daemon, killed again and again."""

    timeout = 120 + 6 * KILLS

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Have a source for downloads, and something to share for each round."""
        self.random = random.Random(SEED)
        self.state, self.downloads = self.folder("state"), self.folder("downloads")
        self.source = await self.start(options=replace(LOOPBACK, limits=Limits(upload=RATE)))
        self.contents: dict[str, bytes] = {}
        self.gets: dict[InfoHash, str] = {}
        self.adds: set[str] = set()
        self.offered = self.folder("offered")
        self.long = await self.offer("long", LONG)
        self.last_done: dict[str, int] = {}

    async def offer(self, name: str, size: int) -> InfoHash:
        """Have the source share something."""
        self.contents[name] = content = self.random.randbytes(size)
        info_hash = await self.share(self.source, write(os.path.join(self.offered, name), content))
        self.gets[info_hash] = name
        return info_hash

    def spawn(self) -> Process:
        """Start the daemon."""
        process = Process()
        cast(Any, reactor).spawnProcess(
            process,
            sys.executable,
            [
                *(sys.executable, "-m", killed_daemon.__name__),
                *(self.state, self.downloads, str(self.source.listening[0][1])),
            ],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            path=os.path.dirname(os.path.dirname(bitween.__file__)),
        )
        self.addCleanup(process.kill)
        return process

    async def test_nothing_is_lost(self) -> None:
        """Whatever was accepted is there after each start, and complete in the end."""
        accepted: list[InfoHash] = []
        for number in range(KILLS):
            process = self.spawn()
            # Every fourth one does not even come to start.
            if number % 4 != 3:
                await self.check_start(process, accepted)
                await self.work(process, number, accepted)
            await deferLater(cast(Any, reactor), self.random.uniform(0, 0.7))
            process.kill()
            await process.gone
            self.check_progress(process)
        process = self.spawn()
        await self.check_start(process, accepted)
        await self.check_end(process, accepted)
        process.kill()
        await process.gone

    async def work(self, process: Process, number: int, accepted: list[InfoHash]) -> None:
        """Begin something new."""
        path = os.path.join(self.folder("shared"), f"share {number}")
        self.contents[path] = self.random.randbytes(self.random.randrange(1, 30_000_000))
        write(path, self.contents[path])
        await process.tell(add=path)
        self.adds.add(path)
        info_hash = self.long if not accepted else await self.offer(f"short {number}", 300_000)
        await process.tell(get=info_hash)
        accepted.append(info_hash)

    async def check_start(self, process: Process, accepted: list[InfoHash]) -> None:
        """See that the process knows everything that an earlier one accepted."""
        known = (await process.says(lambda message: "ready" in message))["ready"]
        self.assertLessEqual({*accepted}, {*known["torrents"]}, self.why)
        self.assertLessEqual(self.adds, {*known["paths"], *known["intended"]}, self.why)

    def check_progress(self, process: Process) -> None:
        """See that it went on from where the one before it was."""
        for info_hash, done in process.verified.items():
            self.assertGreaterEqual(done, self.last_done.get(info_hash, 0) - LOST, self.why)
        for info_hash, torrent in process.torrents.items():
            self.assertEqual(torrent["error"], "", self.why)
            if info_hash in process.verified:
                self.last_done[info_hash] = torrent["done"]

    async def check_end(self, process: Process, accepted: list[InfoHash]) -> None:
        """See that everything is complete, and byte for byte what it should be."""

        def complete() -> set[str]:
            return {torrent["path"] for torrent in process.torrents.values() if torrent["complete"]}

        paths = {os.path.join(self.downloads, self.gets[info_hash]) for info_hash in accepted}
        wanted = paths | self.adds
        if not wanted <= complete():
            await process.says(lambda _: wanted <= complete())
        self.check_progress(process)
        for path in wanted:
            content = self.contents.get(path) or self.contents[os.path.basename(path)]
            self.assertEqual(read(path), content, self.why)
        self.assertEqual({*os.listdir(self.downloads)}, {*map(os.path.basename, paths)}, self.why)

    @property
    def why(self) -> str:
        """How to repeat it."""
        return f"SEED={SEED} KILLS={KILLS}"

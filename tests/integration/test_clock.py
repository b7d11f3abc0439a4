"""Daemons on a machine whose clock is set back, as libfaketime plays it."""

from __future__ import annotations

import glob
import os

from twisted.trial.unittest import SkipTest

from tests.support.harness import Daemon, ProsodyTestCase, until
from tests.support.noise import noise

SIZE = 2**20
RATE = SIZE // 8


class SetBackDaemon(Daemon):
    """One whose clock can be set."""

    library = ""

    def set_clock(self, seconds: int) -> None:
        """Have the clock be off by some seconds from now on."""
        with open(f"{self._clock_file}.new", "w", encoding="ascii") as file:
            file.write(f"{seconds:+d}s\n")
        os.replace(f"{self._clock_file}.new", self._clock_file)

    @property
    def _clock_file(self) -> str:
        return os.path.join(self._directory, "clock")

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": self._clock_file,
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


class SetBackTests(ProsodyTestCase):
    """Alice shares; bob's clock is set back during the download."""

    async def test_a_download_with_a_limit(self) -> None:
        """It goes on, and the daemon has not run for less than nothing."""
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            raise SkipTest("there is no libfaketime: see tools/get-test-programs")
        server = self.server("alice", "bob")
        alice = self.daemon(server, "alice")
        folder = os.path.join(self.directory, "bob")
        options = [f"--download-limit={RATE}", "--limit-lan"]
        bob = SetBackDaemon(server, self.pool, folder, "bob", options=options)
        bob.library = found[0]
        bob.set_clock(0)
        self._daemons.append(bob)
        self.addCleanup(bob.kill9)
        await self.make_contacts([alice, bob])
        path = self.make_file("film.mkv", noise(SIZE))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        await bob.call("bt.add_torrent_by_hash", hash=info_hash)
        await bob.torrent_where(info_hash, lambda torrent: torrent["done"] > 0)
        bob.set_clock(-7200)
        await until(
            lambda: bob.call("bt.get_torrents", hashes=[info_hash]),
            lambda result: result["torrents"][0]["complete"],
            patience=60,
        )
        self.assert_same(path, await bob.complete(info_hash))
        self.assertIn("the clock was set back by 7200 s", bob.log)
        self.assertGreater((await bob.call("Api.status"))["uptime"], 0)

"""Bitween in the benchmark of transfers, and libtorrent with nothing of bitween around it."""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

from benchmarks.content import Content
from benchmarks.daemons import Daemons
from benchmarks.programs import Program
from benchmarks.way import OwnWay
from bitween.model.metainfo import info_section
from bitween.model.seal import new_secret, pack, seal_of, seal_text
from tests.support.harness import Daemon


class BareLibtorrent(OwnWay):
    """
    Two libtorrent sessions with bitween's settings, each in a process that has nothing else.

    :cvar module: the program of each side.
    :cvar sealed: whether the torrent is sealed, as bitween does it.
    """

    name = "bare libtorrent"
    module: ClassVar[str] = "benchmarks.bare_libtorrent"
    sealed: ClassVar[bool] = False
    _giver: Program
    _taker: Program

    async def offer(self) -> None:
        """Seed it."""
        self._giver, self._taker = (
            self._run(sys.executable, "-m", self.module, str(limit), self._side(name))
            for limit, name in ((self.limit, "giver"), (0, "taker"))
        )
        ports = (await self._giver.says(r"listening (\d+) (\d+)")).groups()
        self._port = int(ports[self.sealed])
        await self._taker.says("listening")
        info = info_section(self._content.torrent)
        self._seal = seal_text(pack(seal_of(info, new_secret()))) if self.sealed else ""
        path = self._write("torrent", self._content.torrent)
        content = self._content
        self._tell(
            self._giver,
            torrent=path,
            folder=content.folder,
            name=content.name,
            size=content.size,
        )
        await self._giver.says("written")

    async def fetch(self) -> None:
        """Fetch it by hash, as bitween does."""
        self._tell(self._taker, folder=self.into, port=self._port)
        await self._taker.says("complete")

    async def tidy(self) -> None:
        """Wait until the files are whole."""
        await self._taker.says("written")

    def processes(self) -> tuple[int, int]:
        """The two sessions."""
        return self._giver.pid, self._taker.pid

    def _side(self, name: str) -> str:
        return f"{self._directory}/{name}"

    def _tell(self, side: Program, **told: object) -> None:
        side.write(json.dumps({"hash": self._content.info_hash, "seal": self._seal, **told}))


class BareSealed(BareLibtorrent):
    """The same over TLS, as bitween's torrents are spoken."""

    name = "bare sealed"
    sealed = True


class PlainSwarm(BareLibtorrent):
    """Bitween's BitTorrent service alone, without a daemon around it, on plain torrents."""

    name = "plain swarm"
    module = "benchmarks.bare_swarm"


class SealedSwarm(PlainSwarm):
    """The same on sealed torrents."""

    name = "sealed swarm"
    sealed = True


class Bitween(OwnWay):
    """Two daemons on a private Prosody: the whole of it, asked by its API."""

    name = "bitween"
    _alice: Daemon
    _bob: Daemon

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._daemons = Daemons(reactor, directory)

    async def offer(self) -> None:
        """Share it, and wait until the other one knows."""
        limited = ("--upload-limit", str(self.limit)) if self.limit else ()
        self._alice, self._bob = await self._daemons.start({"alice": limited, "bob": ()})
        await self._alice.share(self._content.path)
        await self._bob.finds(self._content.info_hash)

    async def fetch(self) -> None:
        """Download it until it is complete, which means: on the disk."""
        wanted = {"hashes": [self._content.info_hash], "fields": ["complete"]}
        await self._bob.call(
            "bt.add_torrent_by_hash", hash=self._content.info_hash, save_path=self.into
        )
        await self._bob.until(lambda r: r["torrents"][0]["complete"], "bt.get_torrents", **wanted)

    async def tidy(self) -> None:
        """Forget the download."""
        await self._bob.call("bt.del_torrent", hash=self._content.info_hash)

    def processes(self) -> tuple[int, int]:
        """The two daemons."""
        return self._alice.process_id, self._bob.process_id

    async def stop(self) -> None:
        """End the daemons and their server."""
        await self._daemons.stop()

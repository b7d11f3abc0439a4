"""A swarm on a machine whose clock is set back: its session is replaced."""

from __future__ import annotations

import os

from bitween.model.events import ListeningChanged, SwarmEvent
from bitween.model.torrent import TorrentState
from bitween.model.torrent_options import Limits, TorrentOptions
from tests.support.swarms import SwarmCase, address_of, read, when, write

SIZE = 3_000_000


class SwarmClockTests(SwarmCase):
    """Real sessions on loopback."""

    async def test_a_download_goes_on(self) -> None:
        """With its limit, from where it was, at the same port, and the peer is still let in."""
        giver, getter = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(SIZE))
        info_hash = await self.share(giver, path)
        downloads = self.folder("downloads")
        await getter.download(info_hash, "", downloads)
        await getter.set_options(info_hash, TorrentOptions(limits=Limits(download=1_000_000)))
        getter.offer_peers(info_hash, [address_of(giver)])
        await when(getter, lambda: getter.library.get(info_hash).progress.done > 0)
        told: list[SwarmEvent] = []
        getter.events.subscribe(told.append)
        port = address_of(getter).port
        getter.clock_was_set_back()
        await when(getter, lambda: any(isinstance(event, ListeningChanged) for event in told))
        self.assertEqual(address_of(getter).port, port)
        giver.clock_was_set_back()
        await when(getter, lambda: getter.library.get(info_hash).complete)
        self.assertEqual(read(os.path.join(downloads, "film.mkv")), read(path))

    async def test_twice_at_once_and_at_the_end(self) -> None:
        """Only one new session is begun at a time, none when the swarm stops; nothing is lost."""
        state = self.folder("state")
        swarm = await self.start(state)
        path = write(os.path.join(self.folder(), "song"), b"la")
        info_hash = await self.share(swarm, path)
        swarm.clock_was_set_back()
        swarm.clock_was_set_back()
        await self.stop(swarm)
        swarm.clock_was_set_back()
        again = await self.start(state)
        await when(again, lambda: again.library.get(info_hash).state is TorrentState.SEEDING)

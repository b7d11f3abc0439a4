"""Sealed torrents between real swarms."""

from __future__ import annotations

import os

from bitween.bittorrent.swarm import Swarm
from bitween.model.torrent import Torrent
from tests.support.metainfo import metainfo
from tests.support.swarms import SEALED, SwarmCase, address_of, read, when, write

SECRET = bytes(range(32))


class SealedTests(SwarmCase):
    """Who has the secret has the content."""

    async def seed(self, swarm: Swarm, path: str, secret: bytes = SECRET) -> Torrent:
        """Share a path, sealed."""
        return await swarm.share(metainfo(path), os.path.dirname(path), secret=secret)

    async def test_with_the_secret(self) -> None:
        """A contact that was told the seal gets metadata and content, over TLS."""
        path = write(os.path.join(self.folder(), "holiday.bin"), os.urandom(3_000_000))
        alice, bob = await self.start(options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, path)
        await bob.download(shared.info_hash, "", self.folder("downloads"), seal=shared.seal)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bool(bob.peers(shared.info_hash)))
        self.assertTrue(bob.peers(shared.info_hash)[0].sealed)
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)
        fetched = bob.library.get(shared.info_hash)
        self.assertEqual(fetched.seal, shared.seal)
        self.assertEqual(read(os.path.join(fetched.save_path, "holiday.bin")), read(path))
        self.assertEqual(bob.torrent_file(shared.info_hash), alice.torrent_file(shared.info_hash))

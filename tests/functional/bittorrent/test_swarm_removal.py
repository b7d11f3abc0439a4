"""What goes when a torrent is removed, and what stays."""

from __future__ import annotations

import os

from bitween.errors import UnknownTorrent
from bitween.model.torrent import InfoHash
from tests.support.handmade_metainfo import CONTENT
from tests.support.metainfo import metainfo
from tests.support.swarms import SwarmCase, read, tree, write


class RemovalTests(SwarmCase):
    """What goes, and what stays."""

    async def test_removal_keeps_files_by_default(self) -> None:
        """Without asking for it no file is deleted."""
        alice = await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        info_hash = await self.share(alice, path)
        await alice.remove(info_hash, delete_data=False)
        self.assertEqual(read(path), CONTENT)
        self.assertEqual(len(alice.library), 0)

    async def test_only_its_own_files_go(self) -> None:
        """The torrent's files and the folders that are empty then are deleted, nothing else."""
        alice = await self.start()
        folder = self.folder("holiday")
        write(os.path.join(folder, "a", "one"), CONTENT)
        write(os.path.join(folder, "b", "two"), CONTENT)
        info_hash = await self.share(alice, folder)
        write(os.path.join(folder, "b", "later"), b"not part of it")
        await alice.remove(info_hash, delete_data=True)
        self.assertEqual(tree(folder), {"b/later": b"not part of it"})
        self.assertFalse(os.path.exists(os.path.join(folder, "a")))

    async def test_a_download_without_metadata_goes(self) -> None:
        """One that never began can be removed, and deletes nothing of that name."""
        bob = await self.start()
        downloads = self.folder("downloads")
        write(os.path.join(downloads, "file"), b"mine")
        info_hash = InfoHash("ab" * 20)
        await bob.download(info_hash, "file", downloads)
        await bob.remove(info_hash, delete_data=True)
        self.assertEqual(tree(downloads), {"file": b"mine"})

    async def test_a_removed_torrent_can_be_fetched_again_at_once(self) -> None:
        """A removed torrent can be fetched again at once."""
        alice, bob = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        info_hash = await self.share(alice, path)
        downloads = self.folder("downloads")
        await self.fetch(bob, info_hash, alice, folder=downloads)
        removed = bob.remove(info_hash, delete_data=True)
        again = self.fetch(bob, info_hash, alice, folder=downloads)
        await removed
        await again
        self.assertEqual(tree(downloads), {"file": CONTENT})

    async def test_removing_an_unknown_torrent_is_an_error(self) -> None:
        """Removing what is not there is an error."""
        alice = await self.start()
        with self.assertRaises(UnknownTorrent):
            await alice.remove(InfoHash("ab" * 20), delete_data=False)

    async def test_sharing_twice_is_harmless(self) -> None:
        """The second time gives the same torrent."""
        alice = await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        first = await alice.share(metainfo(path), os.path.dirname(path))
        second = await alice.share(metainfo(path), os.path.dirname(path))
        self.assertEqual(first, second)

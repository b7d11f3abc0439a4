"""Control over downloads, between real daemons."""

from __future__ import annotations

import base64
import os

from bitween.bittorrent.engine._libtorrent import lt
from tests.support.harness import Daemon, ProsodyTestCase
from tests.support.noise import MIB, noise


class ControlTests(ProsodyTestCase):
    """Bob selects files of Alice's folder, pauses and resumes."""

    async def test_the_files_that_are_wanted(self) -> None:
        """
        The list of files is there before a byte of them is; what is chosen then comes, and the rest
        when it is wanted, too; both know afterwards how much it was.
        """
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        for number in range(3):
            self.make_file(f"holiday/{number}.jpg", noise(MIB, number))
        folder = os.path.join(self.directory, "files", "holiday")
        info_hash = await alice.share(folder)
        await bob.finds(info_hash)
        await bob.call("bt.add_torrent_by_hash", hash=info_hash, paused=True)
        listed = await bob.until(
            lambda result: result["files"] is not None, "bt.get_files", hash=info_hash
        )
        self.assertEqual([file["size"] for file in listed["files"]], [MIB] * 3)
        paused = await bob.torrent_where(info_hash, lambda torrent: torrent["state"] == "paused")
        self.assertEqual((paused["done"], paused["left"]), (0, 3 * MIB))

        await bob.call("bt.set_files", hash=info_hash, wanted=[1])
        await bob.call("bt.resume", hash=info_hash)
        finished = await bob.torrent_where(
            info_hash, lambda torrent: torrent["state"] == "finished"
        )
        holiday = os.path.join(finished["save_path"], "holiday")
        self.assertEqual(os.listdir(holiday), ["1.jpg"])
        await bob.call("bt.set_files", hash=info_hash, wanted=[0, 1, 2])
        self.assert_same(folder, await bob.complete(info_hash))

        for daemon, key in ((alice, "uploaded"), (bob, "downloaded")):
            await self.exchanged(daemon, key, 3 * MIB)
            await daemon.stop()
            await daemon.start()
            await self.exchanged(daemon, key, 3 * MIB)

    async def exchanged(self, daemon: Daemon, key: str, count: int) -> None:
        """Wait for a daemon to know how much it exchanged with its only contact."""
        await daemon.until(
            lambda result: [contact[key] for contact in result["contacts"]] == [count],
            "xmpp.get_contacts",
        )

    async def test_what_is_paused_is_not_offered(self) -> None:
        """A share that is paused disappears from the contact's list, and comes back resumed."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        info_hash = await alice.share(self.make_file("film.mkv", noise(1000)))
        await bob.finds(info_hash)
        await alice.call("bt.pause", hash=info_hash)
        await bob.until(lambda result: result["total"] == 0, "xmpp.find")
        await alice.stop()
        await alice.start()
        await alice.call("bt.resume", hash=info_hash)
        await bob.finds(info_hash)

    async def test_other_programs_can_read_exports(self) -> None:
        """What is exported is a .torrent file that libtorrent reads, and a magnet link."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        await alice.start()
        info_hash = await alice.share(self.make_file("film & more.mkv", noise(1000)))
        exported = await alice.call("bt.export", hash=info_hash)
        params = lt.load_torrent_buffer(base64.b64decode(exported["torrent"]))
        self.assertEqual(str(params.info_hashes.v1), info_hash)
        link = lt.parse_magnet_uri(exported["magnet"])
        self.assertEqual((str(link.info_hashes.v1), link.name), (info_hash, "film & more.mkv"))

"""The main job: contacts share files, with real daemons, real servers and real bytes."""

from __future__ import annotations

import os

from tests.support.harness import EjabberdTestCase, OnEveryServer, ProsodyTestCase, together
from tests.support.noise import MIB, noise


class Sharing(OnEveryServer):
    """What one shares, the other one finds and gets."""

    def make_folder(self, name: str) -> str:
        """A folder as people have them: sub-folders, names of the world, an empty file."""
        self.make_file(f"{name}/readme.txt", b"hello")
        self.make_file(f"{name}/photos/Größe & co.jpg", noise(300_000, 2))
        self.make_file(f"{name}/photos/2026/写真 1.raw", noise(700_001, 3))
        self.make_file(f"{name}/empty", b"")
        return os.path.join(self.directory, "files", name)

    async def test_a_shared_file_arrives_unharmed(self) -> None:
        """A file that alice shares appears at bob's, with name and size, and arrives unharmed."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(5 * MIB))
        info_hash = await alice.share(path)
        found = await bob.finds(info_hash)
        self.assertEqual((found["name"], found["size"]), ("film.mkv", 5 * MIB))
        self.assertEqual(found["contacts"], ["alice@localhost"])
        self.assert_same(path, await bob.download(info_hash))

    async def test_a_shared_folder_arrives_with_odd_names_and_empty_files(self) -> None:
        """A folder arrives with its sub-folders, its non-ASCII names and its empty file."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        folder = self.make_folder("Ferien 2026 – Übersicht")
        info_hash = await alice.share(folder)
        await bob.finds(info_hash)
        arrived = await bob.download(info_hash)
        self.assertEqual(os.path.basename(arrived), "Ferien 2026 – Übersicht")
        self.assert_same(folder, arrived)

    async def test_a_download_waits_for_its_source(self) -> None:
        """A download of something that nobody has yet starts by itself when a source appears."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        await alice.call("bt.del_torrent", hash=info_hash)
        await bob.until(lambda result: result["total"] == 0, "xmpp.find")
        answer = await bob.call("bt.add_torrent_by_hash", hash=info_hash)
        self.assertEqual(answer, {"hash": info_hash, "sources": 0})
        self.assertEqual(await alice.share(path), info_hash)
        self.assert_same(path, await bob.complete(info_hash))

    async def test_a_share_that_is_taken_back(self) -> None:
        """What is removed disappears from the contact's list; its files stay."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(1000))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        await alice.call("bt.del_torrent", hash=info_hash)
        await bob.until(lambda result: result["total"] == 0, "xmpp.find")
        self.assertTrue(os.path.exists(path))

    async def test_a_contact_who_stops(self) -> None:
        """The shares of a daemon that stops are shown as away, and it is no source any more."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        info_hash = await alice.share(self.make_file("film.mkv", noise(1000)))
        await bob.finds(info_hash)
        await alice.stop()
        result = await bob.until(lambda r: not r["items"][0]["online"], "xmpp.find")
        self.assertEqual(result["items"][0]["hash"], info_hash)
        self.assertEqual(await bob.call("xmpp.get_hashes"), {"hashes": {}})
        shares = await bob.call("xmpp.get_shares")
        resources = shares["shares"]["alice@localhost"].values()
        self.assertEqual([resource["online"] for resource in resources], [False])
        await alice.start()
        await bob.finds(info_hash)

    async def test_a_third_daemon_fetches_from_seed_and_download(self) -> None:
        """The third fetches from the first two at once: from the seed, and from the download."""
        server = self.server("alice", "bob", "carol")
        alice, bob, carol = await self.contacts(server, "alice", "bob", "carol")
        path = self.make_file("film.mkv", noise(24 * MIB))
        info_hash = await alice.share(path)
        await together([bob.finds(info_hash), carol.finds(info_hash)])
        self.assert_same(path, await bob.download(info_hash))
        await carol.until(
            lambda r: r["items"][0]["contacts"] == ["alice@localhost", "bob@localhost"],
            "xmpp.find",
        )
        # The seed alone would need 12 seconds, so the download is dialled before it is over.
        await alice.call("bt.set_limits", hash=info_hash, upload=2 * MIB)
        answer = await carol.call("bt.add_torrent_by_hash", hash=info_hash)
        self.assertEqual(answer["sources"], 2)
        self.assert_same(path, await carol.complete(info_hash))
        for daemon in (alice, bob):
            await daemon.torrent_where(info_hash, lambda torrent: torrent["uploaded"] > 0)

    async def test_a_partial_download_serves_others(self) -> None:
        """What has half arrived is announced; with the seed gone, others get what there is."""
        server = self.server("alice", "bob", "carol")
        alice = self.daemon(server, "alice", options=["--upload-limit", str(2 * MIB)])
        bob, carol = self.daemon(server, "bob"), self.daemon(server, "carol")
        await self.make_contacts([alice, bob, carol])
        info_hash = await alice.share(self.make_file("film.mkv", noise(16 * MIB)))
        await bob.finds(info_hash)
        await bob.call("bt.add_torrent_by_hash", hash=info_hash)
        await bob.torrent_where(info_hash, lambda torrent: torrent["done"] > 4 * MIB)
        await carol.until(
            lambda r: r["items"] and "bob@localhost" in r["items"][0]["contacts"], "xmpp.find"
        )
        await alice.stop()
        await carol.until(lambda r: r["items"][0]["online"], "xmpp.find", contact="bob@localhost")
        await carol.call("bt.add_torrent_by_hash", hash=info_hash)
        partial = await carol.torrent_where(info_hash, lambda t: t["done"] > 3 * MIB)
        self.assertFalse(partial["complete"])

    async def test_two_resources_of_one_account(self) -> None:
        """A person's laptop and server each keep their list, and fetch from each other."""
        host = self.server("alice")
        laptop = self.daemon(host, "alice", resource="laptop")
        server = self.daemon(host, "alice", resource="server")
        await together([laptop.start(), server.start()])
        one = await laptop.share(self.make_file("one", noise(100_000, 5)))
        path = self.make_file("two", noise(200_000, 6))
        two = await server.share(path)
        await server.finds(one)
        await laptop.finds(two)
        shares = (await laptop.call("xmpp.get_shares"))["shares"]["alice@localhost"]
        self.assertEqual(list(shares), ["server"], "our own resource is not listed as another's")
        self.assert_same(path, await laptop.download(two))


class ProsodySharingTests(Sharing, ProsodyTestCase):
    """On Prosody."""


class EjabberdSharingTests(Sharing, EjabberdTestCase):
    """On ejabberd."""

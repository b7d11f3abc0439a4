"""Real transfers between real libtorrent sessions."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network

from twisted.trial.unittest import SkipTest

from bitween.model.events import (
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.torrent import TorrentState
from bitween.model.torrent_options import Limits
from bitween.network.addresses import interface_addresses
from tests.support.swarms import HERE, LOOPBACK, SwarmCase, address_of, tree, when, write


class TransferTests(SwarmCase):
    """Bytes come over."""

    async def test_a_file_comes_over(self) -> None:
        """A shared file lies with the other one, byte for byte, and is then shared there too."""
        alice, bob = await self.start(), await self.start()
        content = os.urandom(3_000_000)
        path = write(os.path.join(self.folder(), "film ü.mkv"), content)
        torrent = await self.fetch(bob, await self.share(alice, path), alice)
        self.assertEqual(tree(torrent.save_path), {"film ü.mkv": content})
        self.assertEqual(torrent.name, "film ü.mkv")
        self.assertEqual(torrent.state, TorrentState.SEEDING)
        self.assertEqual(torrent.progress.done, len(content))
        self.assertIn(torrent.info_hash, bob.library.shares)

    async def test_a_folder_comes_over(self) -> None:
        """Sub-folders, names of all kinds and empty files come over as they are."""
        alice, bob = await self.start(), await self.start()
        folder = self.folder("Ferien 2024 – été")
        write(os.path.join(folder, "a.bin"), os.urandom(200_000))
        write(os.path.join(folder, "наверх", "日本", "写真.jpg"), os.urandom(70_000))
        write(os.path.join(folder, "empty"), b"")
        write(os.path.join(folder, ".hidden"), b"hidden")
        torrent = await self.fetch(bob, await self.share(alice, folder), alice)
        self.assertEqual(tree(os.path.join(torrent.save_path, torrent.name)), tree(folder))
        assert torrent.files is not None
        self.assertIn("Ferien 2024 – été/наверх/日本/写真.jpg", [f.path for f in torrent.files])

    async def test_names_that_libtorrent_would_change_are_shared(self) -> None:
        """Our own files are found under their true names, however odd those are."""
        alice, bob = await self.start(), await self.start()
        folder = self.folder("odd\nfolder")
        for name in ("back\\slash", "README", "readme", "bell\x07", "\u202ertl", "..."):
            write(os.path.join(folder, name), name.encode() * 1000)
        torrent = await self.fetch(bob, await self.share(alice, folder), alice)
        got = tree(torrent.save_path)
        self.assertEqual(sorted(got.values()), sorted(tree(folder).values()))
        self.assertEqual(len(got), 6)

    async def test_one_of_several_addresses(self) -> None:
        """Who listens at one address dials from there, for contacts let nobody else in."""
        alice = await self.start()
        bob = await self.start(options=replace(LOOPBACK, listen=("127.1.0.2", 0)))
        alice.deny_peers_from([HERE])
        alice.allow_peers_from([ip_network("127.1.0.2")])
        alice.flush_ip_filter()
        path = write(os.path.join(self.folder(), "film"), os.urandom(70_000))
        torrent = await self.fetch(bob, await self.share(alice, path), alice)
        self.assertTrue(torrent.complete)

    async def test_a_wildcard_listener_dials_both_families(self) -> None:
        """Who listens at all addresses of one family dials those of the other as well."""
        if "::1" not in interface_addresses():
            raise SkipTest("there is no IPv6 here")
        alice = await self.start(options=replace(LOOPBACK, listen=("::1", 0)))
        bob = await self.start(options=replace(LOOPBACK, listen=("0.0.0.0", 0)))
        for swarm in (alice, bob):
            swarm.allow_peers_from([ip_network("::1")])
            swarm.flush_ip_filter()
        path = write(os.path.join(self.folder(), "film"), os.urandom(70_000))
        torrent = await self.fetch(bob, await self.share(alice, path), alice)
        self.assertTrue(torrent.complete)

    async def test_from_ipv6_alone(self) -> None:
        """Who listens at an IPv6 address alone still dials the relay, which is at IPv4 loopback."""
        if "::1" not in interface_addresses():
            raise SkipTest("there is no IPv6 here")
        alice = await self.start()
        bob = await self.start(options=replace(LOOPBACK, listen=("::1", 0)))
        path = write(os.path.join(self.folder(), "film"), os.urandom(70_000))
        torrent = await self.fetch(bob, await self.share(alice, path), alice)
        self.assertTrue(torrent.complete)

    async def test_both_sides_see_each_other_while_a_transfer_runs(self) -> None:
        """While it runs, each side sees the other and how fast it is; at its end nothing comes."""
        alice, bob = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "film"), os.urandom(3_000_000))
        info_hash = await self.share(alice, path)
        bob.limit(Limits(download=100_000))
        await bob.download(info_hash, "film", self.folder("downloads"))
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).progress.download_rate > 0)
        (seed,) = bob.peers(info_hash)
        self.assertEqual((seed.address, seed.port), ("127.0.0.1", address_of(alice).port))
        self.assertEqual((seed.client, seed.progress), ("bitween", 1.0))
        self.assertGreater(seed.downloaded, 0)
        (leech,) = alice.peers(info_hash)
        self.assertEqual((leech.address, leech.port), ("127.0.0.1", None))
        self.assertLess(leech.progress, 1.0)
        bob.limit(Limits())
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertEqual(bob.library.get(info_hash).progress.download_rate, 0)

    async def test_a_late_source_is_found(self) -> None:
        """A download begins by itself when a source comes up that was offered before."""
        bob, alice = await self.start(), await self.start(state := self.folder("state"))
        path = write(os.path.join(self.folder(), "file"), os.urandom(100_000))
        info_hash, address = await self.share(alice, path), address_of(alice)
        await self.stop(alice)
        await bob.download(info_hash, "file", self.folder("downloads"))
        bob.offer_peers(info_hash, [address])
        self.assertEqual(bob.library.get(info_hash).state, TorrentState.METADATA)
        await self.start(state)
        await when(bob, lambda: bob.library.get(info_hash).complete)

    async def test_a_part_serves_others(self) -> None:
        """A peer that has only a part serves it to a third one."""
        alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=200_000)))
        bob, carol = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "file"), os.urandom(6_000_000))
        info_hash = await self.share(alice, path)
        await bob.download(info_hash, "file", self.folder("downloads"))
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: info_hash in bob.library.shares)
        self.assertFalse(bob.library.get(info_hash).complete)
        await carol.download(info_hash, "file", self.folder("downloads"))
        carol.offer_peers(info_hash, [address_of(bob)])
        await when(carol, lambda: carol.library.get(info_hash).progress.done > 0)
        self.assertFalse(carol.library.get(info_hash).complete)
        alice.limit(Limits())
        await when(carol, lambda: carol.library.get(info_hash).complete)

    async def test_events_tell_the_story(self) -> None:
        """Added, shared, finished and removed are told, each once, in this order."""
        alice, bob = await self.start(), await self.start()
        told: list[type[SwarmEvent]] = []
        watched = (TorrentAdded, TorrentFinished, TorrentRemoved, SharesChanged)
        bob.events.subscribe(lambda e: told.append(type(e)) if isinstance(e, watched) else None)
        path = write(os.path.join(self.folder(), "file"), os.urandom(1000))
        info_hash = await self.share(alice, path)
        await self.fetch(bob, info_hash, alice)
        await when(bob, lambda: TorrentFinished in told)
        await bob.remove(info_hash, delete_data=False)
        self.assertEqual(told[0], TorrentAdded)
        self.assertEqual(told.count(TorrentFinished), 1)
        self.assertIn(SharesChanged, told)
        self.assertEqual(told[-2:], [TorrentRemoved, SharesChanged])

"""Sealed torrents between real swarms."""

from __future__ import annotations

import os
from dataclasses import replace

from twisted.internet import reactor
from twisted.internet.task import deferLater

from bitween.bittorrent.swarm import Swarm
from bitween.model.access import OPEN, PRIVATE
from bitween.model.metainfo import info_section
from bitween.model.seal import Seal, seal_of
from bitween.model.torrent import InfoHash, Torrent, TorrentState
from bitween.model.torrent_options import Limits, Selection, TorrentOptions
from tests.support.metainfo import metainfo
from tests.support.swarms import LOOPBACK, SEALED, SwarmCase, address_of, read, tree, when, write

SECRET = bytes(range(32))
OTHER_SECRET = bytes(32)
MIB = 2**20
SLOW = replace(SEALED, limits=Limits(upload=2 * MIB))
# Long enough for a peer that may connect to be connected several times.
MOMENT = 1.5


class SealedCase(SwarmCase):
    """Shares that are sealed."""

    async def seed(self, swarm: Swarm, path: str, secret: bytes = SECRET) -> Torrent:
        """Share a path, sealed."""
        return await swarm.share(metainfo(path), os.path.dirname(path), secret=secret)

    async def take(
        self, swarm: Swarm, seal: Seal | None, info_hash: InfoHash, source: Swarm
    ) -> None:
        """Begin to download from a swarm."""
        await swarm.download(info_hash, "", self.folder("downloads"), seal=seal)
        swarm.offer_peers(info_hash, [address_of(source)])

    def film(self, size: int = 3_000_000) -> str:
        """A file to share."""
        return write(os.path.join(self.folder(), "film.mkv"), os.urandom(size))

    async def gets_nothing(self, swarm: Swarm, info_hash: InfoHash) -> None:
        """Check that a download does not even learn the name."""
        await deferLater(reactor, MOMENT)
        torrent = swarm.library.get(info_hash)
        self.assertEqual((torrent.name, torrent.files, torrent.progress.done), ("", None, 0))
        self.assertEqual(list(swarm.peers(info_hash)), [])


class TransferTests(SealedCase):
    """Who has the secret has the content, and nobody else."""

    async def test_with_the_secret(self) -> None:
        """A contact that was told the seal gets metadata and content, over TLS."""
        path = self.film()
        alice, bob = await self.start(options=SLOW), await self.start(options=SEALED)
        shared = await self.seed(alice, path)
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 0)
        for swarm in (alice, bob):
            self.assertEqual([peer.sealed for peer in swarm.peers(shared.info_hash)], [True])
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)
        fetched = bob.library.get(shared.info_hash)
        self.assertEqual(fetched.seal, shared.seal)
        self.assertEqual(read(os.path.join(fetched.save_path, "film.mkv")), read(path))
        self.assertEqual(bob.torrent_file(shared.info_hash), alice.torrent_file(shared.info_hash))

    async def test_with_another_secret(self) -> None:
        """Who was told another secret gets nothing, even with the right sealed hash."""
        alice, eve = await self.start(options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        assert shared.seal is not None
        wrong = Seal(OTHER_SECRET, shared.seal.sealed_hash)
        await self.take(eve, wrong, shared.info_hash, alice)
        await self.gets_nothing(eve, shared.info_hash)

    async def test_without_a_secret(self) -> None:
        """Who knows the hash alone gets nothing: at the sealed port, nor at a plain one."""
        alice = await self.start(options=replace(SEALED, plain_port=0))
        eve = await self.start(options=LOOPBACK)
        shared = await self.seed(alice, self.film())
        await alice.set_options(shared.info_hash, TorrentOptions(access=PRIVATE))
        assert shared.seal is not None
        for info_hash in (shared.info_hash, shared.seal.sealed_hash):
            await self.take(eve, None, info_hash, alice)
            eve.offer_peers(info_hash, [address_of(alice), address_of(alice, plain=True)])
        for info_hash in (shared.info_hash, shared.seal.sealed_hash):
            await self.gets_nothing(eve, info_hash)

    async def test_nothing_is_fetched_in_the_clear_unasked(self) -> None:
        """A plain torrent dials nobody unless plain peers are allowed, however it is asked to."""
        alice, bob = await self.start(options=LOOPBACK), await self.start(options=SEALED)
        path = self.film()
        plain = await alice.share(metainfo(path), os.path.dirname(path))
        await self.take(bob, None, plain.info_hash, alice)
        bob.dial_simultaneously(plain.info_hash, [address_of(alice)], [address_of(alice)])
        await self.gets_nothing(bob, plain.info_hash)
        allowed = await self.start(options=replace(SEALED, plain_port=0))
        await self.take(allowed, None, plain.info_hash, alice)
        await when(allowed, lambda: allowed.library.get(plain.info_hash).complete)

    async def test_plain_torrents_beside_sealed_ones(self) -> None:
        """A swarm with both ports gives each torrent at its own one, and keeps them apart."""
        state = self.folder("state")
        alice = await self.start(state, options=replace(SEALED, plain_port=0))
        bob = await self.start(options=LOOPBACK)
        path = self.film()
        plain = await alice.share(metainfo(path), os.path.dirname(path))
        ports = [address_of(alice).port, address_of(alice, plain=True).port]
        self.assertNotEqual(*ports)
        await bob.download(plain.info_hash, "", self.folder("downloads"))
        bob.offer_peers(plain.info_hash, [address_of(alice, plain=True)])
        await when(bob, lambda: bob.library.get(plain.info_hash).complete)
        await self.stop(alice)
        again = await self.start(state, options=replace(SEALED, plain_port=0))
        self.assertEqual([address_of(again).port, address_of(again, plain=True).port], ports)

    async def test_after_a_restart(self) -> None:
        """The seal is kept, by seeds and downloads."""
        alice_state, bob_state = self.folder("alice"), self.folder("bob")
        alice = await self.start(alice_state, options=SLOW)
        bob = await self.start(bob_state, options=SEALED)
        shared = await self.seed(alice, self.film(8 * MIB))
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > MIB)
        await self.stop(alice)
        await self.stop(bob)
        alice = await self.start(alice_state, options=SEALED)
        bob = await self.start(bob_state, options=SEALED)
        self.assertEqual(alice.library.get(shared.info_hash).seal, shared.seal)
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 0)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)

    async def test_after_a_change_of_the_clock(self) -> None:
        """A session that replaces another one has the same sealed torrents."""
        alice, bob = await self.start(options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        alice.clock_was_set_back()
        await when(alice, lambda: alice.library.get(shared.info_hash).complete)
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)

    async def test_a_hole(self) -> None:
        """Over uTP, through holes in NATs, it is sealed as well."""
        alice, bob = await self.start(options=SLOW), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        await bob.download(shared.info_hash, "", self.folder("downloads"), seal=shared.seal)
        alice.dial_simultaneously(shared.info_hash, [], [address_of(bob)])
        bob.dial_simultaneously(shared.info_hash, [], [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 0)
        (peer,) = bob.peers(shared.info_hash)
        self.assertEqual((peer.utp, peer.sealed), (True, True))
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)


class WrongSealTests(SealedCase):
    """What contacts may announce."""

    async def test_the_seal_of_something_else(self) -> None:
        """A seal that belongs to other content is refused; with the right one it goes on."""
        alice, bob = await self.start(options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        other = await self.seed(alice, write(os.path.join(self.folder(), "x"), os.urandom(1000)))
        # A member of the other share says that it is this one.
        await self.take(bob, other.seal, shared.info_hash, alice)
        await when(bob, lambda: bool(bob.library.get(shared.info_hash).error))
        self.assertIsNone(bob.library.get(shared.info_hash).files)
        changed = await bob.set_seal(shared.info_hash, shared.seal)
        self.assertEqual(changed.state, TorrentState.METADATA)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)
        self.assertEqual(bob.library.get(shared.info_hash).name, "film.mkv")

    async def test_one_seal_twice(self) -> None:
        """A second torrent with the seal of a first one is refused, and does not disturb it."""
        alice, bob = await self.start(options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        await bob.download(shared.info_hash, "", self.folder("downloads"), seal=shared.seal)
        twin = InfoHash("ab" * 20)
        refused = await bob.download(twin, "", self.folder("downloads"), seal=shared.seal)
        self.assertIn("another torrent", refused.error)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)


class ChangeTests(SealedCase):
    """Other secrets."""

    def folder_of_files(self) -> str:
        """A folder whose files share pieces."""
        folder = self.folder("album")
        for name in "abc":
            write(os.path.join(folder, name), os.urandom(3 * MIB + 1000))
        return folder

    async def test_sealing_what_was_plain(self) -> None:
        """A plain share gets a secret without being hashed again, and keeps its hash."""
        alice, bob = await self.start(options=SEALED), await self.start(options=SEALED)
        path = self.film()
        plain = await alice.share(metainfo(path), os.path.dirname(path))
        shared = await alice.seal(plain.info_hash, SECRET)
        self.assertTrue(shared.complete)
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)

    async def test_another_seal_while_it_is_fetched(self) -> None:
        """What is here of a download stays, with the ends of skipped files."""
        alice, bob = await self.start(options=SLOW), await self.start(options=SEALED)
        path = self.folder_of_files()
        shared = await self.seed(alice, path)
        downloads = self.folder("downloads")
        options = TorrentOptions(selection=Selection(frozenset({1}), sequential=True))
        await bob.download(shared.info_hash, "", downloads, options, seal=shared.seal)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 4 * MIB)
        before = bob.library.get(shared.info_hash).progress.done
        again = await alice.seal(shared.info_hash, OTHER_SECRET)
        assert again.seal is not None
        await bob.set_seal(shared.info_hash, again.seal)
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done >= before - MIB)
        parts = [name for name in os.listdir(downloads) if name.endswith(".parts")]
        self.assertEqual(parts, [f".{again.seal.sealed_hash}.parts"])
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).state is TorrentState.FINISHED)
        await bob.set_options(shared.info_hash, TorrentOptions())
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)
        self.assertEqual(tree(os.path.join(downloads, "album")), tree(path))
        self.assertEqual(os.listdir(downloads), ["album"])

    async def test_access_taken_back(self) -> None:
        """Those who have the old secret are cut; who is told the new one goes on."""
        alice, bob = await self.start(options=SLOW), await self.start(options=SEALED)
        carol = await self.start(options=SEALED)
        path = self.film(8 * MIB)
        shared = await self.seed(alice, path)
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 0)
        salt = bytes(16)
        renewed = await alice.replace_secret(shared.info_hash, OTHER_SECRET, salt, OPEN)
        self.assertNotEqual(renewed.info_hash, shared.info_hash)
        self.assertEqual(renewed, replace(shared, info_hash=renewed.info_hash, seal=renewed.seal))
        await self.take(carol, renewed.seal, renewed.info_hash, alice)
        await when(carol, lambda: carol.library.get(renewed.info_hash).complete)
        self.assertEqual(list(bob.peers(shared.info_hash)), [])
        self.assertFalse(bob.library.get(shared.info_hash).complete)
        torrent_file = alice.torrent_file(renewed.info_hash)
        assert torrent_file is not None
        self.assertEqual(seal_of(info_section(torrent_file), OTHER_SECRET), renewed.seal)

    async def test_what_was_sent_still_counts(self) -> None:
        """The bytes that a share has sent are counted on under its new hash, and kept."""
        state = self.folder("state")
        alice, bob = await self.start(state, options=SEALED), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film())
        await self.take(bob, shared.seal, shared.info_hash, alice)
        await when(bob, lambda: bob.library.get(shared.info_hash).complete)
        await when(
            alice, lambda: alice.library.get(shared.info_hash).progress.uploaded >= 3_000_000
        )
        renewed = await alice.replace_secret(shared.info_hash, OTHER_SECRET, bytes(16), OPEN)
        await when(
            alice, lambda: alice.library.get(renewed.info_hash).progress.uploaded >= 3_000_000
        )
        await self.stop(alice)
        alice = await self.start(state, options=SEALED)
        self.assertEqual([torrent.info_hash for torrent in alice.library], [renewed.info_hash])
        await when(
            alice, lambda: alice.library.get(renewed.info_hash).progress.uploaded >= 3_000_000
        )
        self.assertTrue(alice.library.get(renewed.info_hash).complete)

    async def test_a_download_whose_secret_is_replaced(self) -> None:
        """What is here of it stays, and can be removed with its files."""
        alice, bob = await self.start(options=SLOW), await self.start(options=SEALED)
        path = self.folder_of_files()
        shared = await self.seed(alice, path)
        downloads = self.folder("downloads")
        options = TorrentOptions(selection=Selection(frozenset({1}), sequential=True))
        await bob.download(shared.info_hash, "", downloads, options, seal=shared.seal)
        bob.offer_peers(shared.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 4 * MIB)
        before = bob.library.get(shared.info_hash).progress.done
        renewed = await bob.replace_secret(shared.info_hash, OTHER_SECRET, bytes(16), OPEN)
        await alice.replace_secret(shared.info_hash, OTHER_SECRET, bytes(16), OPEN)
        await when(bob, lambda: bob.library.get(renewed.info_hash).progress.done >= before - MIB)
        bob.offer_peers(renewed.info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(renewed.info_hash).state is TorrentState.FINISHED)
        await bob.remove(renewed.info_hash, True)
        self.assertEqual(os.listdir(downloads), [])


class PlainPeerTests(SealedCase):
    """A seed that speaks to peers of earlier versions, and one of these."""

    async def test_what_everybody_may_have(self) -> None:
        """It is given in plain form too, and counts; until only some may have it."""
        alice = await self.start(options=replace(SLOW, plain_port=0))
        bob, carol = await self.start(options=LOOPBACK), await self.start(options=SEALED)
        shared = await self.seed(alice, self.film(2 * MIB))
        await bob.download(shared.info_hash, "", self.folder("downloads"))
        await self.take(carol, shared.seal, shared.info_hash, alice)
        bob.offer_peers(shared.info_hash, [address_of(alice, plain=True)])
        await when(bob, lambda: bob.library.get(shared.info_hash).progress.done > 0)
        self.assertIn(False, [peer.sealed for peer in alice.peers(shared.info_hash)])
        for swarm in (bob, carol):
            await when(swarm, lambda: swarm.library.get(shared.info_hash).complete)  # noqa: B023  # awaited before the next turn of the loop
        await when(alice, lambda: alice.library.get(shared.info_hash).progress.uploaded >= 4 * MIB)
        options = TorrentOptions(access=PRIVATE)
        await alice.set_options(shared.info_hash, options)
        eve = await self.start(options=LOOPBACK)
        await eve.download(shared.info_hash, "", self.folder("downloads"))
        eve.offer_peers(shared.info_hash, [address_of(alice, plain=True)])
        await self.gets_nothing(eve, shared.info_hash)

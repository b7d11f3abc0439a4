"""What can be read on the way of a sealed transfer: nothing that says what is transferred."""

from __future__ import annotations

import os

from twisted.internet import reactor
from twisted.internet.task import deferLater

from bitween.bittorrent.swarm import Swarm
from bitween.model.seal import Seal
from bitween.model.torrent import Torrent
from tests.support.metainfo import metainfo
from tests.support.swarms import LOOPBACK, SEALED, SwarmCase, address_of, when, write
from tests.support.wiretap import ServerHello, TcpTap, UdpTap, server_hello

NAME = "holiday-in-genoa.mkv"
MARKER = b"a marker that stands in the content many times; "
SECRET, OTHER_SECRET = bytes(range(32)), bytes(32)
TLS_1_3 = 0x0304
AES_256_GCM = 0x1302
X25519_MLKEM768 = 0x11EC
# Long enough for a peer that may connect to be connected several times.
MOMENT = 2.0


class WireCase(SwarmCase):
    """A share of alice, whose content can be recognized."""

    async def begin(self) -> tuple[Swarm, Torrent]:
        """Seed a file; the swarm and the torrent."""
        alice = await self.start(options=SEALED)
        path = write(os.path.join(self.folder(), NAME), MARKER * 20_000)
        torrent = await alice.share(metainfo(path), os.path.dirname(path), secret=SECRET)
        return alice, torrent

    def assert_nothing_is_read(self, torrent: Torrent, heard: bytes) -> None:
        """Check that neither hash, name, content nor protocol can be recognized."""
        self.assertGreater(len(heard), len(MARKER) * 20_000)
        digest = bytes.fromhex(torrent.info_hash)
        assert torrent.seal is not None
        secrets = [torrent.info_hash.encode(), torrent.info_hash.upper().encode(), digest]
        secrets += [NAME.encode(), b"genoa", MARKER, MARKER[:16], b"BitTorrent protocol"]
        secrets += [torrent.seal.secret, b"bitween", b"ut_metadata", b"piece length"]
        for secret in secrets:
            self.assertNotIn(secret, heard)


class WireTests(WireCase):
    """Over TCP and uTP."""

    async def test_tcp(self) -> None:
        """The stream is TLS 1.3 with a key exchange that withstands quantum computers."""
        alice, torrent = await self.begin()
        tap = TcpTap(self, address_of(alice))
        bob = await self.start(options=SEALED)
        await bob.download(torrent.info_hash, "", self.folder("downloads"), seal=torrent.seal)
        bob.offer_peers(torrent.info_hash, [tap.address])
        await when(bob, lambda: bob.library.get(torrent.info_hash).complete)
        self.assertEqual(
            server_hello(bytes(tap.answered)),
            ServerHello(version=TLS_1_3, cipher=AES_256_GCM, group=X25519_MLKEM768),
        )
        self.assert_nothing_is_read(torrent, tap.heard)
        # The sealed hash can be read: TLS sends it as the server name.
        assert torrent.seal is not None
        self.assertIn(torrent.seal.sealed_hash.encode(), bytes(tap.sent))

    async def test_utp(self) -> None:
        """Through a hole in a NAT nothing else can be read."""
        alice, torrent = await self.begin()
        tap = UdpTap(self, address_of(alice))
        bob = await self.start(options=SEALED)
        await bob.download(torrent.info_hash, "", self.folder("downloads"), seal=torrent.seal)
        bob.dial_simultaneously(torrent.info_hash, [], [tap.address])
        await when(bob, lambda: bob.library.get(torrent.info_hash).complete)
        self.assert_nothing_is_read(torrent, bytes(tap.heard))


class StrangerTests(WireCase):
    """A peer that knows the hashes but not the secret."""

    async def assert_nothing_is_got(self, eve: Swarm, torrent: Torrent, target: Swarm) -> None:
        """Dial over TCP and uTP, and check that not even the name comes."""
        eve.offer_peers(torrent.info_hash, [address_of(target)])
        eve.dial_simultaneously(torrent.info_hash, [], [address_of(target)])
        target.dial_simultaneously(torrent.info_hash, [address_of(eve)], [address_of(eve)])
        await deferLater(reactor, MOMENT)
        got = eve.library.get(torrent.info_hash)
        self.assertEqual((got.files, got.progress.done), (None, 0))
        self.assertEqual(list(eve.peers(torrent.info_hash)), [])

    async def test_another_secret(self) -> None:
        """No member gives anything, whether it dials or is dialled."""
        alice, torrent = await self.begin()
        assert torrent.seal is not None
        eve = await self.start(options=SEALED)
        wrong = Seal(OTHER_SECRET, torrent.seal.sealed_hash)
        await eve.download(torrent.info_hash, "", self.folder("downloads"), seal=wrong)
        await self.assert_nothing_is_got(eve, torrent, alice)
        member = await self.start(options=SEALED)
        await member.download(torrent.info_hash, "", self.folder("downloads"), seal=torrent.seal)
        member.offer_peers(torrent.info_hash, [address_of(alice)])
        await when(member, lambda: member.library.get(torrent.info_hash).complete)
        await self.assert_nothing_is_got(eve, torrent, member)

    async def test_no_tls(self) -> None:
        """A peer of an earlier version, which speaks no TLS."""
        alice, torrent = await self.begin()
        eve = await self.start(options=LOOPBACK)
        await eve.download(torrent.info_hash, "", self.folder("downloads"))
        await self.assert_nothing_is_got(eve, torrent, alice)

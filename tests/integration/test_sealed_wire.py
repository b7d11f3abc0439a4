"""What an eavesdropper, or a proxy that relays a transfer, can read of it: nothing."""

from __future__ import annotations

import os
import socket
from typing import ClassVar

from tests.support.lab.sniffer import Sniffer
from tests.support.neighbourhood_case import SIZE, NeighbourhoodCase
from tests.support.swarms import read, write

#: Occurs in the content, again and again.
MARKER = b"what only alice and bob may read"
NAME = "holiday-with-carol"


class SealedWireCase(NeighbourhoodCase):
    """One daemon fetches a folder from another while a third party watches the segment."""

    hosts: ClassVar[frozenset[str]] = frozenset()

    async def transfer(self, giver: str, getter: str, size: int = SIZE) -> tuple[str, list[bytes]]:
        """
        Have one daemon fetch from another.

        :returns: how it was reached, and what nobody else may read.
        """
        alice, bob = self.here.daemons[giver], self.here.daemons[getter]
        folder = os.path.join(self.directory, NAME)
        os.mkdir(folder)
        content = os.urandom(32) + MARKER * (size // len(MARKER))
        write(os.path.join(folder, "diary-of-alice.txt"), content)
        info_hash = await alice.share(folder)
        await bob.finds(info_hash)
        got = await bob.download(info_hash)
        self.assertEqual(read(os.path.join(got, "diary-of-alice.txt")), content)
        (peer,) = (await bob.call("bt.get_peers", hash=info_hash))["peers"] or [{"sealed": True}]
        self.assertTrue(peer["sealed"])
        secrets = [MARKER, NAME.encode(), b"diary-of-alice", b"BitTorrent protocol"]
        secrets += [info_hash.encode(), info_hash.upper().encode(), bytes.fromhex(info_hash)]
        contact = next(
            c for c in (await bob.call("xmpp.get_contacts"))["contacts"] if c["jid"] == alice.jid
        )
        return contact["resources"][0]["way"]["reach"], secrets

    def assert_nothing_read(self, sniffer: Sniffer, secrets: list[bytes], size: int = SIZE) -> None:
        """Check that all of the transfer was seen, and nothing of it can be read."""
        self.assertEqual(sniffer.close(), 0, "frames were missed")
        flows = [bytes(flow) for flow in sniffer.flows.values()]
        self.assertGreater(sum(map(len, flows)), size)
        for secret in secrets:
            for flow in flows:
                self.assertNotIn(secret, flow)

    def watch(self) -> Sniffer:
        """Watch the public segment, and see that what is in the clear would be read."""
        sniffer = Sniffer(self.here.segment)
        with self.here.server.entered():
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            probe.sendto(MARKER, ("20.0.255.255", 9))
        sniffer.doRead()
        seen = [key for key, flow in sniffer.flows.items() if MARKER in flow]
        self.assertEqual(len(seen), 1, "the sniffer sees nothing")
        del sniffer.flows[seen[0]]
        return sniffer


class DirectWireTests(SealedWireCase):
    """Over TCP, from one public host to another."""

    hosts = frozenset({"public", "public4"})

    async def test_a_transfer_over_tcp_shows_nothing(self) -> None:
        """Neither content nor names nor the hash can be read on the segment."""
        await self.begin()
        sniffer = self.watch()
        way, secrets = await self.transfer("public4", "public")
        self.assertEqual(way, "ipv4")
        self.assert_nothing_read(sniffer, secrets)


class HoleWireTests(SealedWireCase):
    """Over uTP, through the NATs of both sides."""

    hosts = frozenset({"cone1", "cone2"})

    async def test_a_transfer_through_a_hole_shows_nothing(self) -> None:
        """What passes between the routers can be read by no one."""
        await self.begin()
        await self.assert_way("cone1", "cone2", "punched")
        sniffer = self.watch()
        way, secrets = await self.transfer("cone1", "cone2")
        self.assertEqual(way, "punched")
        self.assert_nothing_read(sniffer, secrets)


class RelayWireTests(SealedWireCase):
    """Through the proxy of the XMPP server, which sees the stream in the clear."""

    hosts = frozenset({"cone1", "sym1"})

    async def test_a_transfer_by_relay_shows_nothing(self) -> None:
        """Neither the network nor the proxy can read anything: its streams have no TLS outside."""
        await self.begin()
        await self.assert_way("cone1", "sym1", "relay")
        sniffer = self.watch()
        way, secrets = await self.transfer("cone1", "sym1")
        self.assertEqual(way, "relay")
        self.assert_nothing_read(sniffer, secrets)

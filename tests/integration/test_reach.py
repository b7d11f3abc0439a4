"""The way that two daemons find to each other, and what they say of it."""

from __future__ import annotations

from typing import Any

import netifaces
from twisted.trial.unittest import SkipTest

from bitween.model.torrent import parse_info_hash
from tests.support.harness import Daemon, ProsodyTestCase
from tests.support.noise import noise
from tests.support.other_user import dials
from tests.support.peer_protocol import handshake

MIB = 2**20


class ReachTests(ProsodyTestCase):
    """Alice shares, bob gets."""

    async def way(self, bob: Daemon) -> dict[str, Any]:
        """How bob reaches alice."""
        (contact,) = (await bob.call("xmpp.get_contacts"))["contacts"]
        (resource,) = contact["resources"]
        way: dict[str, Any] = resource["way"]
        return way

    async def test_daemons_on_one_machine_connect_directly(self) -> None:
        """On one machine they meet directly, and say so from the first download on."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(MIB))
        info_hash = await alice.share(path)
        self.assertIsNone((await bob.finds(info_hash))["reach"])
        self.assert_same(path, await bob.download(info_hash))
        found = await bob.finds(info_hash)
        self.assertEqual((found["reach"], found["reach_text"]), ("lan", "direct (LAN)"))
        self.assertEqual((await self.way(bob))["reach"], "lan")

    async def test_another_user_of_the_machine(self) -> None:
        """
        A client with the info-hash gets no answer, though our daemon is admitted from there.

        Neither at the one who shares, nor at the one who has got it; and they go on.
        """
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        self.assert_same(path, await bob.download(info_hash))
        for daemon in (alice, bob):
            ((host, port),) = (await daemon.call("Api.status"))["listen"]
            answer = await dials(self, host, (host, port), handshake(parse_info_hash(info_hash)))
            self.assertIn(answer, (b"closed", b"refused"))
            await daemon.says("another user of this machine connected to us")
        second = self.make_file("song.ogg", noise(MIB))
        info_hash = await bob.share(second)
        await alice.finds(info_hash)
        self.assert_same(second, await alice.download(info_hash))

    async def test_an_unreachable_contact_is_reached_by_relay(self) -> None:
        """Who is to be found on another machine's loopback only is met at the server's proxy."""
        if not any(_has_network(name) for name in netifaces.interfaces()):
            raise SkipTest("this machine has no network")
        server = self.server("alice", "bob")
        alice = self.daemon(server, "alice")
        bob = self.daemon(server, "bob", options=["--listen", "0"])
        await self.make_contacts([alice, bob])
        path = self.make_file("film.mkv", noise(3 * MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        self.assert_same(path, await bob.download(info_hash))
        way = await self.way(bob)
        self.assertEqual((way["reach"], way["text"]), ("relay", "by relay at proxy.localhost"))
        self.assertIn("no address", way["reason"])


def _has_network(interface: str) -> bool:
    addresses = netifaces.ifaddresses(interface).get(netifaces.AF_INET, ())
    return any(not entry["addr"].startswith("127.") for entry in addresses)

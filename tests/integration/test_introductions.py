"""Guests of one host who are no contacts of each other, between real daemons."""

from __future__ import annotations

import os

from tests.support.harness import Daemon, ProsodyTestCase, befriend, together

SIZE = 8 * 2**20
LIMIT = 2_000_000


class IntroductionTests(ProsodyTestCase):
    """alice knows bob and carol, who do not know each other."""

    async def acquainted(self) -> tuple[Daemon, Daemon, Daemon]:
        """Start all three, each at an address of its own."""
        server = self.server("alice", "bob", "carol")
        alice, bob, carol = (
            self.daemon(server, user, options=[f"--listen={at}:0", f"--announce={at}", *more])
            for user, at, more in (
                ("alice", "127.2.0.1", [f"--upload-limit={LIMIT}"]),
                ("bob", "127.2.0.2", []),
                ("carol", "127.2.0.3", []),
            )
        )
        daemons = alice, bob, carol
        await together([daemon.start() for daemon in daemons])
        await together([daemon.online() for daemon in daemons])
        await befriend(alice, bob)
        await befriend(alice, carol)
        return daemons

    async def fetched(self, *, introductions: bool) -> tuple[Daemon, Daemon, Daemon, str]:
        """Have bob and carol begin to fetch what alice shares."""
        alice, bob, carol = await self.acquainted()
        path = self.make_file("film.mkv", os.urandom(SIZE))
        added = await alice.call("bt.add_path", path=path, wait=True, introductions=introductions)
        info_hash = str(added["hash"])
        await together([daemon.finds(info_hash) for daemon in (bob, carol)])
        await together(
            [daemon.call("bt.add_torrent_by_hash", hash=info_hash) for daemon in (bob, carol)]
        )
        return alice, bob, carol, info_hash

    async def test_two_guests_fetch_from_each_other(self) -> None:
        """Each sees the other as introduced by alice, who sends each piece about once."""
        alice, bob, carol, info_hash = await self.fetched(introductions=True)
        for guest in (bob, carol):
            result = await guest.until(
                lambda result: any(peer["introduced_by"] for peer in result["peers"]),
                "bt.get_peers",
                hash=info_hash,
            )
            (met,) = [peer for peer in result["peers"] if peer["introduced_by"]]
            self.assertEqual(met["introduced_by"], alice.jid)
            self.assertIs(met["sealed"], True)
        paths = await together([guest.complete(info_hash) for guest in (bob, carol)])
        self.assert_same(*paths)
        (torrent,) = (await alice.call("bt.get_torrents", hashes=[info_hash]))["torrents"]
        self.assertLess(torrent["uploaded"], 1.7 * SIZE)

    async def test_without_introductions_they_never_meet(self) -> None:
        """Each fetches everything from alice."""
        _, bob, carol, info_hash = await self.fetched(introductions=False)
        await together([guest.complete(info_hash) for guest in (bob, carol)])
        for guest in (bob, carol):
            peers = (await guest.call("bt.get_peers", hash=info_hash))["peers"]
            self.assertEqual([peer for peer in peers if peer["introduced_by"]], [])
            self.assertLessEqual(len(peers), 1)

"""Nothing is lost: daemons are killed, the server restarts, and the work goes on."""

from __future__ import annotations

import os

from tests.support.harness import EjabberdTestCase, OnEveryServer, ProsodyTestCase, together
from tests.support.noise import MIB, noise


class Survival(OnEveryServer):
    """What is left after a daemon or the server was gone."""

    async def test_a_seed_that_is_killed(self) -> None:
        """After ``kill -9`` the shares are there again without being hashed, and serve others."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(8 * MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        await alice.kill9()
        await bob.until(lambda r: not r["items"][0]["online"], "xmpp.find")
        await alice.start()
        torrent = await alice.torrent_where(info_hash, lambda torrent: torrent["complete"])
        self.assertEqual(torrent["state"], "seeding")
        self.assertEqual(await alice.call("jobs.list"), {"jobs": []}, "nothing is hashed again")
        await bob.finds(info_hash)
        self.assert_same(path, await bob.download(info_hash))

    async def test_the_server_restarts(self) -> None:
        """When it is restarted in mid-session, shares and contacts come back by themselves."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        info_hash = await alice.share(self.make_file("film.mkv", noise(1000)))
        await bob.finds(info_hash)
        server.restart()
        second = await alice.share(self.make_file("second.mkv", noise(1000, 2)))
        await together([bob.finds(info_hash), bob.finds(second)])
        await together([alice.online(), bob.online()])

    async def test_the_server_is_away_for_a_while(self) -> None:
        """A server that is down shows as waiting, with a reason, and is tried again."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        path = self.make_file("film.mkv", noise(1000))
        server.stop()
        status = await alice.until(
            lambda status: status["connection"]["state"] == "waiting", "Api.status"
        )
        self.assertTrue(status["connection"]["error"])
        info_hash = await alice.share(path)
        server.start()
        await bob.finds(info_hash)

    async def test_a_clean_stop(self) -> None:
        """``SIGTERM`` and ``Api.exit`` end the daemon, and leave no rendezvous file behind."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        for way in ("signal", "api"):
            await alice.start()
            place = os.path.join(alice.state_dir, "api.json")
            self.assertTrue(os.path.exists(place))
            if way == "signal":
                await alice.stop()
            else:
                self.assertIs(await alice.call("Api.exit"), True)
                self.assertEqual(await alice.ended(), 0)
            self.assertFalse(os.path.exists(place))
        self.assertNotIn("Traceback", alice.log)


class ProsodySurvivalTests(Survival, ProsodyTestCase):
    """On Prosody."""


class EjabberdSurvivalTests(Survival, EjabberdTestCase):
    """On ejabberd."""


class KillTests(ProsodyTestCase):
    """What ``kill -9`` leaves of what the server has no part in."""

    async def test_a_download_that_is_killed(self) -> None:
        """After ``kill -9`` in mid-download the new start goes on from where it was."""
        server = self.server("alice", "bob")
        alice = self.daemon(server, "alice", options=["--upload-limit", str(4 * MIB)])
        bob = self.daemon(server, "bob")
        await self.make_contacts([alice, bob])
        path = self.make_file("film.mkv", noise(24 * MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        await bob.call("bt.add_torrent_by_hash", hash=info_hash)
        before = await bob.torrent_where(info_hash, lambda torrent: torrent["done"] > 6 * MIB)
        await bob.kill9()
        await alice.stop()
        await bob.start()
        after = await bob.torrent_where(info_hash, lambda t: t["state"] == "downloading")
        self.assertGreater(after["done"], before["done"] - 2 * MIB)
        self.assertLess(after["done"], 24 * MIB)
        await alice.start()
        self.assert_same(path, await bob.complete(info_hash))

    async def test_a_finished_download_is_kept(self) -> None:
        """A download that is complete survives ``kill -9`` in the next moment as complete."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        path = self.make_file("film.mkv", noise(8 * MIB))
        info_hash = await alice.share(path)
        await bob.finds(info_hash)
        arrived = await bob.download(info_hash)
        await together([alice.kill9(), bob.kill9()])
        await bob.start()
        await bob.complete(info_hash)
        self.assert_same(path, arrived)

    async def test_a_path_that_was_being_hashed(self) -> None:
        """A path that was accepted is shared in the end, also if the daemon is killed first."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        await alice.start()
        path = self.make_file("film.mkv", noise(64 * MIB))
        await alice.call("bt.add_path", path=path)
        await alice.kill9()
        await alice.start()
        result = await alice.until(lambda r: r["torrents"], "bt.get_torrents")
        self.assertEqual(result["torrents"][0]["name"], "film.mkv")


class RefusalTests(ProsodyTestCase):
    """What cannot work ends with one line and status 1, and half-starts nothing."""

    async def refused(self, *options: str) -> str:
        """Start a daemon that cannot run; the one line that it says."""
        return await self.refusal_of(self.daemon(self.server("alice"), "alice", options=options))

    async def test_a_ca_file_without_a_certificate(self) -> None:
        """A file that holds no certificate is named."""
        path = self.make_file("ca.pem", b"nothing")
        self.assertIn(path, await self.refused("--ca-file", path))

    async def test_downloads_among_our_own_files(self) -> None:
        """Contacts choose names in the download directory, which is none of our own therefore."""
        server = self.server("alice")
        state = os.path.join(self.directory, "alice")
        options = ("--state-dir", state, "--download-dir", state)
        daemon = self.daemon(server, "alice", options=options)
        self.assertIn("belongs to bitween itself", await self.refusal_of(daemon))
        self.assertFalse(os.path.exists(os.path.join(state, "bitween.sqlite")))

    async def test_ports_in_use(self) -> None:
        """The API's and BitTorrent's port are told by their number."""
        server = self.server("alice")
        first = self.daemon(server, "alice", options=["--listen", "127.0.0.1:0"])
        await first.start()
        api = first.url.split(":")[2].split("/")[0]
        self.assertIn(api, await self.refused("--api", f"tcp:{api}:interface=127.0.0.1"))
        port = str((await first.call("Api.status"))["listen"][0][1])
        self.assertIn(port, await self.refused("--listen", f"127.0.0.1:{port}"))

    async def test_a_state_directory_in_use(self) -> None:
        """The second daemon is told the first one's process."""
        server = self.server("alice")
        first = self.daemon(server, "alice")
        await first.start()
        line = await self.refused("--state-dir", first.state_dir)
        self.assertIn("in use by process", line)
        await first.online()

    async def test_wrong_options_are_refused_before_the_start(self) -> None:
        """An unknown option and a bad value are told before anything starts."""
        self.assertIn("nonsense", await self.refused("--nonsense"))
        self.assertIn("--upload-limit", await self.refused("--upload-limit", "fast"))
        self.assertIn("--api", await self.refused("--api", "nonsense:1"))

"""The commands about who may have a share, as their own processes, against a real API."""

from __future__ import annotations

import json
import time

from bitween.model.access import Access
from bitween.model.torrent import Torrent
from tests.support.cli_case import BOB, A, B, CliCase
from tests.support.command_forks import Outcome


class AccessCommandTests(CliCase):
    """One share; bob is a contact."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Share it with everybody."""
        super().setUp()
        await self.serve()
        self.world.contact_shares(BOB, {B: "theirs"})
        self.world.messenger.set_groups(BOB, "Family")
        self.world.share("holiday", A, 50)

    def only(self) -> Torrent:
        """The only torrent."""
        (torrent,) = self.world.swarm.library
        return torrent

    def access(self) -> Access:
        """Who may have the only torrent."""
        return self.only().options.access

    async def changed(self, *options: str) -> Outcome:
        """Take access away, which brings a note."""
        outcome = await self.run_bitween("access", "holiday", *options)
        self.assertEqual(outcome.status, 0)
        return outcome

    async def test_access_is_shown_and_set(self) -> None:
        """What it is now is printed; that a copy stays is said when a contact loses access."""
        self.assertEqual((await self.done("access", "holiday")).out, "for everybody\n")
        options = ("--for", "group:Family", "--for", BOB, "--listed", "--no-introductions")
        done = await self.changed(*options)
        self.assertEqual(
            done.out,
            f"for {BOB}, the group Family; all contacts see the name, locked;"
            " without introductions\n",
        )
        self.assertNotEqual(self.only().info_hash, A)
        done = await self.changed("--for", "devices")
        self.assertIn(self.only().info_hash, done.err)
        self.assertIn("stays with that contact", done.err)
        self.assertEqual(self.access().audiences, ("devices",))

    async def test_an_end(self) -> None:
        """It is so long from now, and the next change takes it away; the audience stays."""
        await self.done("access", "holiday", "--expires", "7d")
        expires = self.access().expires
        assert expires is not None
        self.assertLess(abs(expires - time.time() - 7 * 86400), 600)
        self.assertIn("for everybody; until ", (await self.done("access", "holiday")).out)
        shown = json.loads((await self.done("--json", "access", "holiday", "--listed")).out)
        self.assertEqual((shown["access"], shown["expires"]), (["contacts"], None))
        self.assertIn("--expires", await self.refused(2, "access", "holiday", "--expires", "soon"))

    async def test_what_is_listed(self) -> None:
        """Beside each torrent who may have it, and what a contact sees."""
        self.assertNotIn("everybody", (await self.done("ls")).out)
        await self.changed("--for", "group:Family", "--listed")
        self.assertIn("\tthe group Family (locked for others)\t", (await self.done("ls")).out)
        shown = (await self.done("contacts", "show", BOB)).out
        self.assertEqual(shown, f"holiday\t50 B\tthe group Family\t{self.only().info_hash}\n")
        await self.changed("--for", "devices")
        self.assertIn("the name only, locked", (await self.done("contacts", "show", BOB)).out)
        await self.done("access", "holiday", "--for", "devices", "--no-listed")
        self.assertIn("none of your shares", (await self.run_bitween("contacts", "show", BOB)).err)

    async def test_a_path_is_added_for_some(self) -> None:
        """With the same options; a wrong one is refused before anything is added."""
        path = self.path("film.mkv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("x")
        await self.refused(1, "add", path, "--for", "nobody")
        await self.done("add", path, "--for", BOB, "--expires", "12h")
        self.world.hasher.finish(path)
        (torrent,) = (t for t in self.world.swarm.library if t.name == "film.mkv")
        self.assertEqual(torrent.options.access.audiences, (BOB,))

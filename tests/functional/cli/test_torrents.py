"""The commands that list, get and remove, as their own processes, against a real API."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.torrent import FileEntry, Progress, TorrentState, parse_info_hash
from tests.support.cli_case import BOB, A, B, C, CliCase


class GetTests(CliCase):
    """``shares``, ``get``, ``ls`` and ``rm``."""

    async def test_shares_lists_what_contacts_have(self) -> None:
        """What contacts have, a row each, with whole hashes for programs."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday", B: "work"})
        out = (await self.done("shares")).out
        self.assertEqual(
            [line.split("\t") for line in out.splitlines()],
            [
                ["holiday", "123 B", BOB, "online", "", A],
                ["work", "123 B", BOB, "online", "", B],
            ],
        )
        self.assertEqual((await self.done("shares", "HOLI")).out.count("\n"), 1)
        self.assertEqual((await self.done("shares", "--contact", BOB, "--json")).json["total"], 2)
        await self.refused(1, "shares", "--contact", "eve@example.org")

    async def test_more_shares_than_a_page(self) -> None:
        """All pages are fetched."""
        await self.serve()
        names = {parse_info_hash(f"{n:040x}"): f"n{n}" for n in range(1234)}
        self.world.contact_shares(BOB, names)
        self.assertEqual((await self.done("shares")).out.count("\n"), 1234)

    async def test_get_by_name(self) -> None:
        """A whole name or the beginning of a hash is completed; a part of a name is not."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday", B: "holiday 2", C: "work"})
        self.assertIn(f"{C}  work", await self.refused(1, "get", "wor"))
        self.assertIn("give six digits or more", await self.refused(1, "get", "1a2b3"))
        said = (await self.done("get", "Work")).out
        self.assertEqual(said, f"downloading work ({C}) from 1 source\n")
        await self.done("get", "holiday")
        await self.done("get", B[:10])
        self.assertEqual(
            {torrent.name for torrent in self.world.swarm.library}, {"work", "holiday", "holiday 2"}
        )

    async def test_names_in_another_form(self) -> None:
        """However accents are composed, here and there, a name is found; exact ones win."""
        await self.serve()
        composed, decomposed = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
        self.world.contact_shares(BOB, {A: decomposed, B: "cafeteria"})
        for typed in (composed, decomposed, composed.upper(), "café"):
            self.assertIn(A, (await self.done("get", typed)).out)
            self.assertIn(A, (await self.done("shares", typed)).out)
            self.assertIn(A, (await self.done("pause", typed)).out)
        self.world.share("CAFÉ", C)
        self.assertIn(C, (await self.done("pause", "CAFÉ")).out)
        self.assertIn(A, (await self.done("pause", composed)).out)
        self.assertIn("may be any of 2", await self.refused(1, "pause", "café"))

    async def test_names_that_look_like_hashes(self) -> None:
        """A name of 40 digits is a name where no such hash is known; else the hash counts."""
        await self.serve()
        self.world.contact_shares(BOB, {A: B, C: "x"})
        self.assertIn(f"{B} ({A})", (await self.done("get", B)).out)
        self.assertIn(A, (await self.done("pause", B)).out)
        self.world.share("its hash", B)
        self.assertIn(f"its hash ({B})", (await self.done("pause", B)).out)

    async def test_magnet_links_and_torrent_files(self) -> None:
        """What other programs give for a torrent is taken for its hash."""
        await self.serve()
        info_hash, content = make_torrent("film", [HashedFile((), 5)], 2**14, b"x" * 20)
        Path(self.path("film.torrent")).write_bytes(content)
        self.file("no.torrent")
        for given in (f"magnet:?dn=film&xt=urn:btih:{info_hash.upper()}", "film.torrent"):
            self.assertIn(info_hash, (await self.run_bitween("get", given)).out)
        for wrong in ("magnet:?dn=film", "no.torrent"):
            await self.refused(2, "get", wrong)
        self.assertIn("bitween get", await self.refused(2, "add", "film.torrent"))
        magnet = f"magnet:?xt=urn:btih:{info_hash}"
        self.assertIn("bitween get", await self.refused(2, "add", magnet))
        for command in ("add", "get"):
            said = await self.refused(2, command, "https://host.example/film.torrent")
            self.assertIn("is a web link", said)
            self.assertIn("save what it leads to first", said)

    async def test_a_tilde_that_the_shell_left(self) -> None:
        """A quoted ``~`` means the home directory where nothing here is called so."""
        await self.serve()
        self.file("film")
        self.environ["HOME"] = self.home
        said = (await self.done("add", "~/film")).out
        self.assertIn(f"adding {self.path('film')} ", said)
        os.mkdir(self.path("~"))
        self.file("~/film")
        self.assertIn(f"adding {self.path('~/film')} ", (await self.done("add", "~/film")).out)

    async def test_get_reports_a_complete_torrent(self) -> None:
        """Nothing is said to be downloaded that is complete already."""
        await self.serve()
        self.world.share("film", A)
        said = await self.run_bitween("get", A)
        self.assertIn(f"you have film ({A}) already", said.out)
        self.assertNotIn("source", said.out + said.err)

    async def test_an_ambiguous_name_lists_candidates_and_fetches_nothing(self) -> None:
        """The candidates are listed with their hashes, and nothing is fetched."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "Holiday", B: "HOLIDAY", C: "work"})
        said = await self.refused(1, "get", "holiday")
        self.assertIn(f"{A}  Holiday", said)
        self.assertIn(f"{B}  HOLIDAY", said)
        self.assertNotIn("work", said)
        self.assertEqual(len(self.world.swarm.library), 0)

    async def test_an_unknown_name_is_an_error(self) -> None:
        """Nobody shares that."""
        await self.serve()
        self.assertIn("no contact shares 'x'", await self.refused(1, "get", "x"))

    async def test_get_to_a_folder(self) -> None:
        """A relative folder is the caller's."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        result = (await self.done("get", A, "--to", "here", "--json")).json
        self.assertEqual(result, {"hash": A, "sources": 1})
        self.assertEqual(self.world.swarm.library.get(A).save_path, self.path("here"))

    async def test_get_without_a_source_waits_for_one(self) -> None:
        """That is said, and is no error."""
        await self.serve()
        outcome = await self.run_bitween("get", A)
        self.assertEqual(outcome.status, 0)
        self.assertIn("no source is online", outcome.err)

    async def test_get_and_wait(self) -> None:
        """The command ends when everything is there; without a terminal there is no bar."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        files = (FileEntry("holiday", 123),)
        self.world.swarm.download_at_once = {
            "complete": True,
            "progress": Progress(123, 123),
            "files": files,
        }
        out = (await self.done("get", "holiday", "--wait")).out
        self.assertEqual(out, f"holiday (123 B) is in {self.path('downloads')}\n")

    async def test_get_and_wait_for_a_torrent_that_fails(self) -> None:
        """Its error ends the command."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        self.world.swarm.download_at_once = {"state": TorrentState.ERROR, "error": "disk full"}
        said = await self.refused(1, "get", "holiday", "--wait")
        self.assertIn("holiday: disk full", said)

    async def test_shares_where_contacts_disagree(self) -> None:
        """Each name stands beside those who say it only, and it is said that they differ."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        self.world.contact_shares("carol@example.org", {A: "holiday"})
        self.world.contact_shares("eve@example.org", {A: "forged", B: "hers"})
        ended = await self.run_bitween("shares")
        self.assertEqual(ended.status, 0)
        rows = [line.split("\t") for line in ended.out.splitlines()]
        self.assertEqual(
            [(row[0], row[2], row[5]) for row in rows],
            [
                ("hers", "eve@example.org", B),
                ("holiday", f"{BOB}, carol@example.org", A),
                ("forged", "eve@example.org", A),
            ],
        )
        self.assertIn("disagree on the name or size of 1 share", ended.err)

    async def test_ls_lists_torrents_and_their_errors(self) -> None:
        """A row each; what is wrong with one is said as well."""
        await self.serve()
        self.world.share("film", A, 1_234_567)
        out = (await self.done("ls")).out
        self.assertEqual(
            out.rstrip("\n").split("\t"), ["film", "1.23 MB", "100%", "seeding", "", "", "0", A]
        )
        self.world.swarm.change(A, state=TorrentState.ERROR, error="gone")
        self.assertIn("film: gone", (await self.run_bitween("ls")).err)
        self.assertEqual((await self.done("ls", "--json")).json["torrents"][0]["hash"], A)

    async def test_ls_shows_the_downloaded_percentage(self) -> None:
        """A part that was chosen is not all of it, nor is what is gone; who is missing is named."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "film"}, online=False)
        self.world.share("film", A, 64_000_000)

        async def row(**changes: object) -> list[str]:
            self.world.swarm.change(A, **changes)
            return (await self.run_bitween("ls")).out.rstrip("\n").split("\t")[2:4]

        part = Progress(done=1_000_000, total=64_000_000)
        finished = await row(state=TorrentState.FINISHED, complete=False, progress=part)
        self.assertEqual(finished, ["1%", "finished"])
        waiting = await row(state=TorrentState.DOWNLOADING, progress=replace(part, left=63_000_000))
        self.assertEqual(waiting, ["1%", f"waiting for {BOB}"])
        gone = await row(state=TorrentState.ERROR, complete=True, error="'film' is missing")
        self.assertEqual(gone, ["", "error"])

    async def test_rm_takes_a_whole_name_or_hash(self) -> None:
        """By the whole name or a hash, among our own torrents; what is near is listed."""
        await self.serve()
        self.world.share("film one", A)
        self.world.share("film two", B)
        self.assertIn(A, await self.refused(1, "rm", "film"))
        self.assertIn(f"{B}  film two", await self.refused(1, "rm", "two"))
        await self.refused(1, "rm", B[:5])
        said = (await self.done("rm", "Film One")).out
        self.assertEqual(said, f"removed film one ({A}); its files stay in /files\n")
        await self.done("rm", B[:6])
        self.assertEqual(len(self.world.swarm.library), 0)
        self.assertEqual(self.world.swarm.deleted, [])
        self.assertIn("no torrent", await self.refused(1, "rm", "book"))
        await self.refused(1, "rm", A)

    async def downloaded(self, name: str = "film") -> None:
        """Have a download be complete."""
        self.world.contact_shares(BOB, {A: name})
        await self.world.swarm.download(A, name, "/files")
        self.world.swarm.arrive(A, 1000)

    async def test_rm_with_data(self) -> None:
        """Without a terminal it has to be confirmed; what was done is told."""
        await self.serve()
        await self.downloaded()
        said = await self.refused(2, "rm", "film", "--data")
        self.assertIn(f"1 file (1 kB) of film ({A}) in /files", said)
        self.assertIn("--yes", said)
        self.assertEqual(len(self.world.swarm.library), 1)
        said = (await self.done("rm", "film", "--data", "--yes")).out
        self.assertEqual(said, f"removed film ({A}): 1 file (1 kB) deleted\n")
        self.assertEqual(self.world.swarm.deleted, [A])
        await self.refused(2, "rm", "film", "--originals")

    async def test_rm_asks_before_it_deletes(self) -> None:
        """On a terminal the user is asked; nothing but yes deletes."""
        await self.serve()
        await self.downloaded()
        for answer, left in (("", 1), ("n", 1), ("yes", 0)):
            watcher = self.on_terminal("rm", "film", "--data")
            await watcher.until("Delete? [y/N]")
            assert watcher.transport is not None
            watcher.transport.write(answer.encode() + b"\n")
            self.assertEqual((await watcher.ended).status, left)
            self.assertEqual(len(self.world.swarm.library), left)
        self.assertEqual(self.world.swarm.deleted, [A])

    async def test_rm_keeps_originals(self) -> None:
        """What was shared in place is deleted only with a further option."""
        await self.serve()
        self.world.share("film", A)
        said = await self.refused(1, "rm", "film", "--data", "--yes")
        self.assertIn("--originals", said)
        self.assertEqual(len(self.world.swarm.library), 1)
        await self.done("rm", "film", "--data", "--originals", "--yes")
        self.assertEqual(self.world.swarm.deleted, [A])

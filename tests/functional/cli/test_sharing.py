"""The commands that share files, as their own processes, against a real API on loopback."""

from __future__ import annotations

import os

from bitween.errors import HashingFailed
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import Metainfo
from tests.support.cli_case import A, CliCase


class AddTests(CliCase):
    """``add`` and ``jobs``."""

    async def test_add_asks_before_a_probable_mistake(self) -> None:
        """The whole machine is shared only if the user says so once more; a terminal is asked."""
        await self.serve()
        said = await self.refused(2, "add", "/")
        self.assertIn("whole machine", said)
        self.assertIn("--yes", said)
        watcher = self.on_terminal("add", "/")
        await watcher.until("Share it? [y/N]")
        assert watcher.transport is not None
        watcher.transport.write(b"\n")
        self.assertEqual((await watcher.ended).status, 1)
        self.assertEqual(self.world.hasher.running, {})

    async def test_add_shows_the_job(self) -> None:
        """The job is told; a relative path is the caller's."""
        await self.serve()
        path = self.file("film")
        self.assertEqual((await self.done("add", "film")).out, f"adding {path} (job 1)\n")
        self.assertEqual((await self.done("add", "./film", "--json")).json, {"job": "2"})

    async def test_names_that_are_not_utf8_are_refused_readably(self) -> None:
        """A name that is not UTF-8 is refused in words that a terminal can show."""
        await self.serve()
        name = os.fsdecode(b"\xff\xfe")
        with open(os.path.join(self.home, name), "wb"):  # an empty file
            pass
        told = await self.refused(1, "add", name)
        self.assertIn("/\\xff\\xfe' is not UTF-8", told)
        self.assertNotIn("\\ud", told)

    async def test_add_and_wait(self) -> None:
        """The command ends when the file is hashed, and says what came of it."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = Metainfo(A, "film", 2_500_000, b"")
        out = (await self.done("add", "film", "--wait")).out
        self.assertEqual(out, f"sharing film (2.5 MB) as {A}\n")

    async def test_add_and_wait_as_json(self) -> None:
        """The result is the API's."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = Metainfo(A, "film", 1, b"")
        result = (await self.done("add", "film", "--wait", "--json")).json
        self.assertEqual(
            result,
            {"hash": A, "name": "film", "total_size": 1, "left_out": [], "left_out_total": 0},
        )

    async def test_add_lists_files_that_are_left_out(self) -> None:
        """It is named, with the reason, after the share and with the job; strict is passed on."""
        await self.serve()
        path = self.file("film")
        left_out = LeftOut((LeftOutEntry("sub/b\\xff", Why.NOT_UTF8),), 2)
        self.world.hasher.hash_at_once = Metainfo(A, "film", 1, b"", left_out)
        told = f"{path}: 2 left out:\n  sub/b\\xff (its name is not UTF-8)\n  and 1 more\n"
        outcome = await self.run_bitween("add", "film", "--wait")
        self.assertEqual((outcome.status, outcome.err), (0, told))
        self.assertEqual((await self.run_bitween("jobs")).err, told)
        await self.run_bitween("add", "film", "--strict")
        self.assertEqual(self.world.hasher.strict, [False, True])

    async def test_one_bad_path_does_not_stop_the_others(self) -> None:
        """One that cannot be shared does not keep the others."""
        await self.serve()
        self.file("one")
        self.file("two")
        outcome = await self.run_bitween("add", "one", "missing", "two")
        self.assertEqual(outcome.status, 1)
        self.assertEqual(len(outcome.out.splitlines()), 2)
        self.assertIn("missing", outcome.err)

    async def test_a_refused_path_has_exit_status_1(self) -> None:
        """The daemon says no: exit status 1, message and hint."""
        await self.serve()
        os.mkdir(self.path("empty"))
        said = await self.refused(1, "add", "empty")
        self.assertIn("is empty", said)
        self.assertIn("a folder needs a file", said)

    async def test_add_reports_a_failed_hashing(self) -> None:
        """The job's error is the command's."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = HashingFailed("it changed", "try again")
        self.assertEqual(
            await self.refused(1, "add", "film", "--wait"), "bitween: it changed (try again)\n"
        )

    async def test_jobs_are_listed_and_cancelled(self) -> None:
        """They are listed, and cancelled by number."""
        await self.serve()
        path = self.file("film")
        await self.done("add", "film")
        self.assertEqual(
            (await self.done("jobs", "cancel", "1")).out,
            f"job 1 ({self.path('film')}) is cancelled\n",
        )
        row = (await self.done("jobs")).out.rstrip("\n").split("\t")
        self.assertEqual((row[0], row[2], row[-1]), ("1", "cancelled", path))
        self.assertIn("no job '7'", await self.refused(1, "jobs", "cancel", "7"))

"""What commands print, on terminals and on broken streams."""

from __future__ import annotations

import itertools
import re
import shlex
import sys
import unicodedata

from twisted.internet.utils import getProcessOutputAndValue

from bitween.model.torrent import FileEntry, Progress, TorrentState, parse_info_hash
from tests.support.cli_case import BOB, RUN, A, B, CliCase
from tests.support.command_forks import Outcome


class StreamTests(CliCase):
    """Standard streams that are closed or full."""

    async def shell(self, redirection: str, *args: str) -> Outcome:
        """Run a command as a shell with some redirection does."""
        command = [shlex.quote(sys.executable), *map(shlex.quote, (*RUN, *args))]
        out, err, status = await getProcessOutputAndValue(
            "/bin/sh",
            ("-c", f"{' '.join(command)} {redirection}"),
            env=self.environ,
            path=self.home,
        )
        return Outcome(out.decode(), err.decode(), status)

    async def test_output_that_cannot_be_written(self) -> None:
        """One line says so, and the exit status is 1; nothing goes astray."""
        await self.serve()
        self.world.share("film", A)
        cases = itertools.product(
            ((">&-", "Bad file descriptor"), (">/dev/full", "No space left")),
            (("ls",), ("status", "--json"), ("--help",), ("--version",), ("ls", "--help")),
            ("", "1"),
        )
        for (redirection, why), args, unbuffered in cases:
            self.environ |= {"PYTHONUNBUFFERED": unbuffered}
            outcome = await self.shell(redirection, *args)
            self.assertEqual((outcome.status, outcome.out), (1, ""), (redirection, args))
            self.assertIn(f"bitween: the output cannot be written: {why}", outcome.err)
            self.assertEqual(outcome.err.count("\n"), 1, outcome.err)

    async def test_errors_that_cannot_be_written(self) -> None:
        """The exit status tells what is left to tell, and nothing appears in the output."""
        await self.serve()
        for redirection in ("2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"):
            outcome = await self.shell(redirection, "rm", "nothing")
            self.assertEqual((outcome.out, outcome.err, outcome.status), ("", "", 1), redirection)
            self.assertEqual((await self.shell(redirection, "dance")).status, 2, redirection)
        outcome = await self.shell("<&-", "status")
        self.assertEqual((outcome.err, outcome.status), ("", 0))
        self.world.contact_shares(BOB, {A: "film"})
        await self.world.swarm.download(A, "film", "/files")
        self.world.swarm.arrive(A, 1000)
        self.assertEqual((await self.shell("<&-", "rm", "film", "--data")).status, 2)

    async def test_a_reader_that_leaves(self) -> None:
        """What only looks at the first lines makes no complaint."""
        await self.serve()
        names = {parse_info_hash(f"{n:040x}"): f"n{n}" for n in range(5000)}
        self.world.contact_shares(BOB, names)
        outcome = await self.shell("| head -n 1", "shares")
        self.assertEqual((outcome.out.count("\n"), outcome.err), (1, ""))


class TerminalTests(CliCase):
    """What a person sees."""

    async def test_tables_fit_the_terminal(self) -> None:
        """No line is wider than the terminal, however long the names."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "x" * 300, B: "宽" * 100})
        out = re.sub(r"\x1b\[[\d;]*m", "", (await self.on_terminal("shares").ended).out)
        for part in ("size", "hash", "…", "123 B", BOB[:5], A[:12]):
            self.assertIn(part, out)
        for line in out.splitlines():
            width = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line)
            self.assertLessEqual(width, 70)

    async def test_hostile_names_cannot_steer_the_terminal(self) -> None:
        """Neither control characters nor markup of a name take effect."""
        await self.serve()
        self.world.share("x", A)
        self.world.swarm.change(A, name="\x1b]0;owned\x07 [red]x[/red] \u202eback")
        for out in ((await self.on_terminal("ls").ended).out, (await self.done("ls")).out):
            self.assertNotIn("\x1b]0", out)
            self.assertNotIn("\u202e", out)
            self.assertIn("[red]", out)

    async def test_a_progress_bar_leads_to_the_result(self) -> None:
        """It shows how far, how fast and how long; then the result."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        running = {
            "state": TorrentState.DOWNLOADING,
            "progress": Progress(300_000, 1_000_000, 100_000, 0, 1, left=700_000),
            "files": (FileEntry("holiday", 1_000_000),),
        }
        self.world.swarm.download_at_once = running
        watcher = self.on_terminal("get", "holiday", "--wait")
        for text in ("300 kB of 1 MB", "100 kB/s", "0:07 left"):
            await watcher.until(text)
        self.world.swarm.change(A, complete=True, progress=Progress(1_000_000, 1_000_000))
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 0)
        self.assertIn("holiday (1 MB) is in", outcome.out)

    async def test_waiting_for_a_source(self) -> None:
        """A download without a source says so and goes on when one is there."""
        await self.serve()
        watcher = self.on_terminal("get", A, "--wait")
        await watcher.until("no source is online")
        await watcher.until("waiting for a source")
        self.world.swarm.change(A, complete=True, files=(), name="late")
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 0)

    async def test_control_c_ends_waiting_without_a_traceback(self) -> None:
        """Ctrl-C ends the waiting with the usual status and no traceback."""
        await self.serve()
        watcher = self.on_terminal("get", A, "--wait")
        await watcher.until("waiting for a source")
        assert watcher.transport is not None
        watcher.transport.write(b"\x03")
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 130)
        self.assertNotIn("Traceback", outcome.out)

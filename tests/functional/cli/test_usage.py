"""Wrong usage of the command line: the exit status, and what is printed."""

from __future__ import annotations

import sys

from twisted.internet.utils import getProcessOutputAndValue

import bitween
from tests.support.cli_case import BOB, JID, RUN, A, CliCase
from tests.support.waiting import reactor_turn


class UsageTests(CliCase):
    """The grammar."""

    async def test_help_and_version(self) -> None:
        """Both need no daemon."""
        said = (await self.done("--help")).out
        self.assertIn("add", said)
        self.assertEqual((await self.done()).out, said)
        self.assertIn("--download-dir", (await self.done("daemon", "--help")).out)
        version = (await self.done("--version")).out
        self.assertEqual((await self.done("daemon", "--version")).out, version)
        self.assertEqual((await self.done("--version")).out, f"bitween {bitween.__version__}\n")
        for command in ("add", "ls", "shares", "get", "rm", "contacts", "status", "stop", "jobs"):
            self.assertIn("--json", (await self.done(command, "--help")).out)

    async def test_wrong_usage_has_exit_status_2(self) -> None:
        """Exit status 2."""
        await self.serve()
        for args in (
            ("dance",),
            ("--json",),
            ("--jid", JID, "daemon"),
            ("add",),
            ("get",),
            ("ls", "--colour"),
            ("contacts", "add"),
            ("contacts", "forget", BOB),
            ("contacts", "hug", BOB),
            ("contacts", "remove", BOB, "--nick", "Bob"),
            ("jobs", "cancel"),
            ("call", "Api.status", "{"),
            ("call", "Api.status", "1"),
        ):
            await self.refused(2, *args)

    async def test_bitween_daemon_runs_the_daemon(self) -> None:
        """It is the daemon that runs, with its own options, also where the program has no path."""
        environ = {**self.environ, "PATH": "/usr/bin:/bin"}
        for args, said in (
            ((), "no account is given"),
            (("--jid", JID), "there is no password"),
            (("--colour",), "bitween daemon --help"),
        ):
            out, err, status = await getProcessOutputAndValue(
                sys.executable, (*RUN, "daemon", *args), env=environ, path=self.home
            )
            self.assertEqual((out, status), (b"", 1), err)
            self.assertIn(said, err.decode())
            self.assertEqual(err.count(b"\n"), 1, err)

    async def test_help_imports_nothing_heavy(self) -> None:
        """Help is quick because it loads next to nothing."""
        code = (
            "import sys; from bitween.cli.parser import make_parser; import bitween.cli.main; "
            "make_parser().format_help(); print(*sys.modules)"
        )
        out, err, status = await getProcessOutputAndValue(
            sys.executable, ("-c", code), env=self.environ
        )
        self.assertEqual((err, status), (b"", 0))
        heavy = {"twisted", "rich", "http.client", "importlib.metadata", "libtorrent", "email"}
        self.assertEqual(heavy & set(out.decode().split()), set())


class EmptyArgumentTests(CliCase):
    """What an unset variable of the shell leaves of a command."""

    async def test_every_command_refuses_empty_arguments(self) -> None:
        """An empty argument is wrong usage, and nothing is done."""
        await self.serve()
        self.world.share("film", A)
        # By itself, it gets a seal.
        await reactor_turn()
        before = self.world.bitween.torrents.all()
        for args in (
            *((command, "") for command in ("add", "get", "rm", "pause", "resume", "recheck")),
            *((command, "") for command in ("mend", "files", "peers", "limit", "export", "shares")),
            ("rm", "", "--data", "--yes"),
            ("pause", "film", ""),
            ("add", "--yes", "film", ""),
            ("get", A, "--to", ""),
            ("export", A, "--to", ""),
            ("files", A, "--only", ""),
            ("limit", A, "--up", ""),
            ("shares", "--contact", ""),
            ("contacts", "remove", ""),
            ("contacts", "add", BOB, "--nick", ""),
            ("jobs", "cancel", ""),
            ("token", "revoke", ""),
            ("token", "new", "--name", ""),
            ("events", ""),
            ("call", ""),
            ("ls", "--state-dir", ""),
            ("--jid", "", "ls"),
            ("ls", "--url", ""),
            ("ls", "--token-file", ""),
            ("ls", "--ca-file", ""),
        ):
            self.assertIn("empty", await self.refused(2, *args))
        for option in (("--to", ""), ("--to=",)):
            self.assertIn("--to is empty", await self.refused(2, "get", A, *option))
        self.assertEqual(self.world.bitween.torrents.all(), before)
        self.assertEqual((await self.done("jobs", "--json")).json, {"jobs": []})

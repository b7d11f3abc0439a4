"""Completion in the shell, against a real API on loopback."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from tests.support.api_rig import info_hash
from tests.support.cli_case import BOB, RUN, A, B, CliCase

# What readline does when Tab is pressed.
_TAB = """
eval "$(bitween completion bash)"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p bitween | sed -E 's/.*-F ([^ ]+).*/\\1/') bitween
printf '%s\\n' "${COMPREPLY[@]}"
"""


class CompletionTests(CliCase):
    """What is offered."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """One of our torrents, and shares of a contact, one of them with a hostile name."""
        super().setUp()
        await self.serve()
        self.world.share("holiday film.mkv", A)
        self.world.contact_shares(BOB, {B: "song.flac", info_hash("c"): "$(touch owned)\n"})

    async def offered(self, line: str) -> list[str]:
        """What could come at the end of a line."""
        answer = self.path("answer")
        self.environ |= {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": answer,
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        await self.run_bitween()
        return Path(answer).read_text(encoding="utf-8").split("\n")

    async def test_commands_are_completed_without_a_daemon(self) -> None:
        """Commands and options are completed without a daemon being asked."""
        self.assertEqual(await self.offered("bitween sta"), ["status "])
        self.assertIn("--follow", (await self.offered("bitween events --fo"))[0])

    async def test_own_torrents_are_completed(self) -> None:
        """Own torrents by name, or by hash where one is being typed."""
        self.assertEqual(await self.offered("bitween pause hol"), ["holiday\\ film.mkv "])
        self.assertEqual(await self.offered("bitween rm aaa"), [f"{A[:12]} "])

    async def test_shares_are_completed_safely(self) -> None:
        """Shares of contacts; a name that could do harm in a command line as its hash."""
        offered = await self.offered("bitween get ")
        self.assertEqual(sorted(text.strip() for text in offered), ["cccccccccccc", "song.flac"])

    async def test_contacts_are_completed(self) -> None:
        """Contacts by their JID."""
        self.assertEqual(await self.offered("bitween shares --contact b"), [f"{BOB} "])

    async def test_without_a_daemon(self) -> None:
        """Nothing is offered, and nothing is printed."""
        self.assertEqual(await self.offered("bitween --jid no@body rm x"), [""])

    async def test_a_real_shell(self) -> None:
        """Bash completes a name after it has run what ``bitween completion bash`` prints."""
        bash = shutil.which("bash")
        if bash is None:
            raise SkipTest("there is no bash")
        script = Path(self.path("bin"), "bitween")
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *RUN])} "$@"\n')
        script.chmod(0o755)
        environ = {**self.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"}
        out, err, status = await getProcessOutputAndValue(
            bash, ("-c", _TAB, "bash", "bitween files hol"), env=environ, path=self.home
        )
        self.assertEqual((out.decode().strip(), status), ("holiday\\ film.mkv", 0), err)

    async def test_every_supported_shell_has_completion_code(self) -> None:
        """There is code for each; another one is refused."""
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("bitween", (await self.done("completion", shell)).out)
        self.assertEqual((await self.run_bitween("completion", "cmd")).status, 2)

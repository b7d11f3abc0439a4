"""The programs in ``examples/clients`` do what they are there to show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

import tests
from bitween.storage.api_location import FILE_NAME
from tests.support.harness import ProsodyTestCase

_CLIENTS = Path(tests.__file__).parent.parent / "examples" / "clients"
# Shells, JSON and sed each have something to trip over in it.
FOLDER, NAME = "back\\slash", "Größe & \"quotes\" $HOME 'x'.tar"


class ClientTests(ProsodyTestCase):
    """A daemon, and a client program for it."""

    async def check(self, name: str, command: Sequence[str]) -> None:
        """Share a file with an example, and fail to share what is not there."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        place = os.path.join(alice.state_dir, FILE_NAME)
        program = (*command, str(_CLIENTS / name), place)
        path = self.make_file(os.path.join(FOLDER, NAME), b"x" * 100_000)
        out, err, status = await self.run_program(*program, path)
        self.assertEqual((status, err), (0, ""))
        (torrent,) = (await alice.call("bt.get_torrents"))["torrents"]
        self.assertEqual((torrent["name"], torrent["hash"]), (NAME, out.strip()))
        out, err, status = await self.run_program(*program, "/proc/nowhere")
        self.assertEqual((out, status), ("", 1))
        self.assertIn("/proc/nowhere", err)
        self.assertNotIn("Traceback", err)

    async def run_program(self, *command: str) -> tuple[str, str, int]:
        """Run it to its end: what it printed, its complaints, its exit status."""
        out, err, status = await getProcessOutputAndValue(
            command[0], command[1:], {**os.environ, "NO_PROXY": "127.0.0.1"}
        )
        return out.decode(), err.decode(), status

    def find(self, program: str) -> str:
        """
        Where a program is.

        :raises SkipTest: if it is not installed.
        """
        path = shutil.which(program)
        if path is None:
            raise SkipTest(f"there is no {program}")
        return path

    async def test_the_shell_example_runs(self) -> None:
        """The shell script needs nothing but curl and sed."""
        self.find("curl")
        await self.check("curl.sh", [self.find("sh")])

    async def test_the_python_example_runs(self) -> None:
        """The one in Python needs requests."""
        await self.check("client.py", [sys.executable])

    async def test_the_javascript_example_runs(self) -> None:
        """The one in JavaScript needs Node, and nothing installed by npm."""
        await self.check("client.mjs", [self.find("node")])

"""The command line as a process of its own, against an API around fakes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

import bitween
from bitween.api.service import ApiService
from bitween.storage.api_location import places
from tests.support.api_rig import TOKEN, World, info_hash, site_of
from tests.support.command_forks import Command, CommandForks, Outcome
from tests.support.waiting import in_time

JID = "alice@example.org"


BOB = "bob@example.org"


A, B, C = info_hash("a"), info_hash("b"), info_hash("c")


ROOT = os.path.dirname(os.path.dirname(bitween.__file__))


RUN = ("-c", "import sys; from bitween.cli.main import main; sys.exit(main())")


#: One for all tests of this process.
FORKS = CommandForks()


class Watcher(ProcessProtocol):
    """Follows a program on a terminal of its own."""

    def __init__(self) -> None:
        self.seen = ""
        self.ended: Deferred[Outcome] = Deferred()
        self._awaited: list[tuple[str, Deferred[None]]] = []

    def until(self, text: str) -> Deferred[None]:
        """Fires once the program has printed a text."""
        shown: Deferred[None] = Deferred()
        self._awaited.append((text, shown))
        self._look()
        return shown if shown.called else in_time(shown, f"the program prints {text!r}")

    def outReceived(self, data: bytes) -> None:
        """Take what it prints."""
        self.seen += data.decode("utf-8", "replace")
        self._look()

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        status = getattr(reason.value, "exitCode", None)
        self.ended.callback(Outcome(self.seen, "", -1 if status is None else status))

    def _look(self) -> None:
        for text, shown in self._awaited:
            if text in self.seen and not shown.called:
                shown.callback(None)


class CliCase(TestCase):
    """A home of its own, and a way to run ``bitween`` in it."""

    def setUp(self) -> None:
        """Make the home."""
        self.home = tempfile.mkdtemp(prefix="bitween-")
        self.addCleanup(shutil.rmtree, self.home)
        self.environ = {
            "HOME": self.home,
            "XDG_RUNTIME_DIR": self.path("run"),
            "XDG_STATE_HOME": self.path("state"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH")))),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "COLUMNS": "70",
        }
        self.world = World(reactor, self.path("downloads"))
        self.addCleanup(self.world.bitween.close)

    def path(self, name: str) -> str:
        """A path in the home."""
        return os.path.join(self.home, name)

    def file(self, name: str, content: str = "x") -> str:
        """The path of a file that is there."""
        path = Path(self.home, name)
        path.write_text(content, encoding="utf-8")
        return str(path)

    async def serve(self, description: str = "tcp:0:interface=127.0.0.1", jid: str = JID) -> str:
        """Start an API that the command line finds; returns its URL."""
        state_dir = os.path.join(self.path("state"), "bitween", jid)
        service = ApiService(
            reactor,
            description,
            site_of(self.world, tokens_file=self.path("tokens.json")),
            token=TOKEN,
            jid=jid,
            places=places(jid, state_dir, self.environ),
        )
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        return str(service.url)

    async def run_bitween(self, *args: str) -> Outcome:
        """Run a command to its end, without a terminal."""
        return await deferToThread(FORKS.run, Command(args, self.environ, self.home))

    async def done(self, *args: str) -> Outcome:
        """Run a command that must succeed in silence but for its output."""
        outcome = await self.run_bitween(*args)
        self.assertEqual((outcome.status, outcome.err), (0, ""))
        return outcome

    async def refused(self, status: int, *args: str) -> str:
        """What a command says that must end with this status and no output."""
        outcome = await self.run_bitween(*args)
        self.assertEqual((outcome.status, outcome.out), (status, ""), outcome.err)
        self.assertNotIn("Traceback", outcome.err)
        return outcome.err

    def on_terminal(self, *args: str, terminal: bool = True) -> Watcher:
        """Start a command on a terminal, or with pipes."""
        watcher = Watcher()
        process = reactor.spawnProcess(
            watcher,
            sys.executable,
            (sys.executable, *RUN, *args),
            env=self.environ,
            path=self.home,
            usePTY=terminal,
        )

        def end() -> None:
            if not watcher.ended.called:
                process.signalProcess("KILL")

        self.addCleanup(lambda: watcher.ended)
        self.addCleanup(end)
        return watcher

"""``bitween demo``, run as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.harness import PATIENCE

_DEMO = [sys.executable, "-c", "import sys; from bitween.cli.main import main; sys.exit(main())"]
_RUNNING = b"logged in as alice"


class DemoTests(SynchronousTestCase):
    """What it shows, and that nothing stays behind."""

    def setUp(self) -> None:
        """Give it a directory for temporary files, by which its processes can be told, too."""
        self.temporary = tempfile.mkdtemp(prefix="bitween-test-")
        os.chmod(self.temporary, 0o711)  # for the user who runs root's Prosody
        self.addCleanup(shutil.rmtree, self.temporary)

    def start(
        self,
        more: Mapping[str, str] | None = None,
        *,
        terminal: int | None = None,
        through: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Begin it, its output being one pipe or a terminal."""
        environment = {**os.environ, "TMPDIR": self.temporary, **(more or {})}
        environment.pop("DEMO_EXIT", None)
        demo = subprocess.Popen(
            [*through, *_DEMO, "demo"],
            env=environment,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.STDOUT if terminal is None else terminal,
            start_new_session=True,
        )
        self.addCleanup(demo.wait)
        self.addCleanup(demo.kill)
        if demo.stdout is not None:
            self.addCleanup(demo.stdout.close)
        return demo

    def assert_gone(self, processes: list[int]) -> None:
        """Wait for the end of processes, given as descriptors; then nothing may be left."""
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            left = max(0.0, deadline - time.monotonic())
            self.assertTrue(select.select([process], [], [], left)[0], "a process is left")
            os.close(process)
        self.assertEqual(self.processes(), [])
        self.assertEqual(os.listdir(self.temporary), [])

    def processes(self) -> list[int]:
        """Descriptors of all processes that belong to the demo."""
        mark = f"TMPDIR={self.temporary}".encode()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as environment:
                    if mark in environment.read().split(b"\0"):
                        found.append(os.pidfd_open(int(pid)))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def start_until(self, mark: bytes) -> tuple[subprocess.Popen[bytes], list[int]]:
        """Begin it, and wait for a line; with it, descriptors of all its processes."""
        demo = self.start()
        assert demo.stdout is not None
        while mark not in (line := demo.stdout.readline()):
            self.assertTrue(line, "it ended before that")
        processes = self.processes()
        self.assertGreater(len(processes), 4)  # the keeper, Prosody, two daemons, itself
        return demo, processes

    def test_to_the_end(self) -> None:
        """Without a terminal it goes through all steps, exits with 0, and leaves nothing."""
        demo = self.start()
        output, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 0, output.decode())
        text = output.decode()
        self.assertIn("all sums are the same", text)
        self.assertIn("alice's API: http://127.0.0.1:", text)
        self.assertIn("bob's API: http://127.0.0.1:", text)
        self.assertNotIn("--state-dir", text)  # which is gone when one reads that
        self.assertNotIn("\x1b", text)
        self.assert_gone([])

    def test_on_a_terminal(self) -> None:
        """On a terminal it shows progress and stays up until Ctrl-C, which is no failure."""
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        demo = self.start({"TERM": "xterm"}, terminal=its)
        os.close(its)
        shown = b""
        while b"until you press Ctrl-C" not in shown:
            shown += os.read(ours, 65536)
        self.assertIn(b"%", shown)
        processes = self.processes()
        self.assertGreater(len(processes), 4)
        demo.send_signal(signal.SIGINT)
        self.assertEqual(demo.wait(PATIENCE), 0)
        self.assert_gone(processes)

    def test_links_to_the_pages(self) -> None:
        """On a terminal it shows a link to each page, which logs a browser in, once."""
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        demo = self.start({"TERM": "xterm"}, terminal=its)
        os.close(its)
        shown = b""
        while b"until you press Ctrl-C" not in shown:
            shown += os.read(ours, 65536)
        links = re.findall(
            r"(\w+)'s page: (http://127\.0\.0\.1:\d+/)#login=([\w-]+)", shown.decode()
        )
        self.assertEqual([user for user, _, _ in links], ["alice", "bob"])
        for _, page, code in links:
            body = json.dumps({"code": code}).encode()
            log_in = Request(f"{page}login", body, {"Content-Type": "application/json"})
            with urlopen(log_in) as answer:
                self.assertIn("session", json.load(answer))
            with self.assertRaises(HTTPError) as caught:
                urlopen(log_in)
            self.assertEqual(caught.exception.code, 401)
            caught.exception.close()
        demo.send_signal(signal.SIGINT)
        self.assertEqual(demo.wait(PATIENCE), 0)

    def test_a_vanished_terminal_ends_the_demo(self) -> None:
        """A terminal that goes without a signal, as under ``su -c``, ends it just the same."""
        ours, its = pty.openpty()
        # Not the leader of its session, so that no terminal that it opens becomes its own.
        shell = ("/bin/sh", "-c", '"$@"; exit', "sh")
        demo = self.start({"TERM": "xterm"}, terminal=its, through=shell)
        os.close(its)
        shown = b""
        while b"until you press Ctrl-C" not in shown:
            shown += os.read(ours, 65536)
        processes = self.processes()
        self.assertGreater(len(processes), 4)
        os.close(ours)
        self.assert_gone(processes)
        demo.wait(PATIENCE)

    def test_an_interrupted_demo_cleans_up(self) -> None:
        """Ctrl-C, SIGTERM or a closed terminal in the middle: it cleans up and says so."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            demo, processes = self.start_until(_RUNNING)
            demo.send_signal(number)
            self.assertEqual(demo.wait(PATIENCE), 128 + number)
            self.assert_gone(processes)

    def test_a_killed_demo_leaves_no_process(self) -> None:
        """Even if it is killed in the hardest way, no process and no directory stays."""
        demo, processes = self.start_until(_RUNNING)
        demo.kill()
        self.assert_gone(processes)

    def test_a_failing_daemons_log_is_shown(self) -> None:
        """If a daemon does not come up, it shows the end of that daemon's log, and exits with 1."""
        spoilt = os.path.abspath(self.mktemp())
        os.makedirs(spoilt)
        with open(os.path.join(spoilt, "libtorrent.py"), "w", encoding="utf-8") as module:
            module.write("raise ImportError('libtorrent is spoilt')\n")
        demo = self.start({"PYTHONPATH": spoilt})
        output, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1, output.decode())
        self.assertIn(b"the end of alice's log", output)
        self.assertIn(b"libtorrent is spoilt", output)
        self.assert_gone([])

    def test_without_a_temporary_directory_one_line_says_so(self) -> None:
        """Where no temporary directory can be made, one line says that."""
        demo = self.start({"TMPDIR": os.path.join(self.temporary, "missing")})
        output, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1)
        self.assertIn(b"no temporary directory can be made", output)

"""Starts the programs that bitween is measured against, and ends them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

# Becomes the program, after having asked the kernel to be killed with the benchmark.
_DYING_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


# Seconds that a program has to end by itself.
_PATIENCE = 5.0


class Absent(Exception):
    """A program is not installed, or cannot run here; says so in words."""


class ProgramFailed(Exception):
    """A program ended otherwise than it should; holds what it wrote."""


def find(name: str) -> str:
    """
    Look for a program, first where this Python's own are, then in the environment beside them that
    only the benchmarks use.

    :returns: its path.
    :raises Absent: if it is not installed.
    """
    own = (os.path.dirname(sys.executable), os.path.join(sys.prefix, "bench", "bin"))
    path = [*own, os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"]
    found = shutil.which(name, path=":".join(path))
    if found is None:
        raise Absent("absent")
    return found


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Program(ProcessProtocol):
    """
    A running program, of which lines are awaited; it dies with the benchmark.

    :ivar ended: fires with the exit status, ``None`` after a signal.
    """

    def __init__(
        self, reactor: Any, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """
        :param command: a path, and arguments.
        :param environment: what is added to our own.
        """
        self._reactor = reactor
        self._command = command
        self._output = ""
        self._wanted: tuple[re.Pattern[str], Deferred[re.Match[str]]] | None = None
        self.ended: Deferred[int | None] = Deferred()
        self._process = reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-c", _DYING_WITH_PARENT, str(os.getpid()), *command],
            env={**os.environ, **(environment or {})},
        )

    @property
    def pid(self) -> int:
        """Its process."""
        number: int = self._process.pid
        return number

    def write(self, line: str) -> None:
        """Write a line to its standard input."""
        self._process.write(f"{line}\n".encode())

    def says(self, pattern: str) -> Deferred[re.Match[str]]:
        """
        Wait until it has written this, on either output; what was matched before is forgotten.

        :param pattern: a regular expression.
        :raises ProgramFailed: if it ends instead.
        """
        wanted: Deferred[re.Match[str]] = Deferred()
        self._wanted = re.compile(pattern), wanted
        self._look()
        return wanted

    async def succeeds(self) -> None:
        """
        Wait until it has ended.

        :raises ProgramFailed: if its exit status is not 0.
        """
        if status := await self.ended:
            raise ProgramFailed(f"{self._command}: exit status {status}\n{self._output}")

    async def stop(self) -> None:
        """End it, if it still runs; some tidy up if they are asked to end."""
        if self.ended.called:
            return
        self._signal("TERM")
        killing = self._reactor.callLater(_PATIENCE, self._signal, "KILL")
        await self.ended
        if killing.active():
            killing.cancel()

    def _signal(self, name: str) -> None:
        # Its end is told only when its output is closed.
        with contextlib.suppress(ProcessExitedAlready):
            self._process.signalProcess(name)

    def outReceived(self, data: bytes) -> None:
        """Look for what is awaited."""
        self._output += data.decode("utf-8", "replace")
        self._look()

    def errReceived(self, data: bytes) -> None:
        """Look there, too."""
        self.outReceived(data)

    def processEnded(self, reason: Failure) -> None:
        """Tell those who wait."""
        assert isinstance(reason.value, ProcessDone | ProcessTerminated)
        if self._wanted is not None:
            wanted, self._wanted = self._wanted[1], None
            wanted.errback(ProgramFailed(f"{self._command} ended\n{self._output}"))
        self.ended.callback(reason.value.exitCode)

    def _look(self) -> None:
        if self._wanted is None:
            return
        pattern, wanted = self._wanted
        if match := pattern.search(self._output):
            self._output = self._output[match.end() :]
            self._wanted = None
            wanted.callback(match)

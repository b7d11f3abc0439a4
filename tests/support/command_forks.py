"""
Runs commands of ``bitween`` in forks of a process that has imported them.

With its own Python, a command spends 0.1 s of a processor on imports; a fork takes 10 ms.  All else
is as if a shell had started it: arguments, environment, working directory, standard streams and
exit status are the command's own.

:class:`CommandForks` is the test's side.  The other side is this module as a program: it reads a
:class:`Command` a line, as JSON, and writes its :class:`Outcome` when the command has ended.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any

_ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds after which a command is killed.
_PATIENCE = 100


@dataclass(frozen=True)
class Command:
    """
    A command to be run.

    :param args: the arguments after the name of the program.
    :param environ: all environment variables.
    :param folder: the working directory.
    """

    args: Sequence[str]
    environ: Mapping[str, str]
    folder: str


@dataclass(frozen=True)
class Outcome:
    """
    What a command printed, and its exit status.

    :param status: negative if a signal ended the command.
    """

    out: str
    err: str
    status: int

    @property
    def json(self) -> Any:
        """What it printed, decoded."""
        return json.loads(self.out)


class CommandForks:
    """Runs commands, one at a time; a command that is not needed any more ends with the tests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._server: subprocess.Popen[str] | None = None

    def run(self, command: Command) -> Outcome:
        """Run a command to its end; to be called in a thread, for the test serves the command."""
        with self._lock:
            if self._server is None:
                self._server = _start_server(command.environ)
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            print(json.dumps(asdict(command)), file=self._server.stdin, flush=True)
            return Outcome(**json.loads(self._server.stdout.readline()))


def _start_server(environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the other side; it ends when this process does, whose pipe it reads."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        env=environ,
        text=True,
    )


def _next_command() -> Command | None:
    """
    Run commands in forks of this process.

    :returns: in a fork, its command; in this process ``None``, when no commands are left.
    """
    for line in sys.stdin:
        command = Command(**json.loads(line))
        with TemporaryFile() as out, TemporaryFile() as err:
            fork = os.fork()
            if not fork:
                _become(command, out, err)
                return command
            _, status = os.waitpid(fork, 0)
            outcome = Outcome(_printed(out), _printed(err), os.waitstatus_to_exitcode(status))
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()
    return None


def _printed(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _become(command: Command, out: IO[bytes], err: IO[bytes]) -> None:
    """Give this process what a shell would have given it."""
    signal.alarm(_PATIENCE)
    with open(os.devnull, "rb") as nothing:
        for number, file in enumerate((nothing, out, err)):
            os.dup2(file.fileno(), number)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environ)


if __name__ == "__main__":
    import bitween.cli.commands.table
    import bitween.cli.completion  # noqa: F401  # for the forks
    from bitween.cli.main import main

    # The garbage collector of a fork would write to the memory that both share, and copy it so.
    gc.freeze()
    command = _next_command()
    if command is not None:
        # Without taking all modules down: main has flushed the streams.
        os._exit(main(command.args))

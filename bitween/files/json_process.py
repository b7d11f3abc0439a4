"""
The child processes that work on the user's disk, which answer with lines of JSON.

Each runs a module of bitween, ``python -m MODULE``, which imports no Twisted and so starts quickly.
What the daemon writes to its standard input is the module's own affair.  The child writes its
answers with :mod:`bitween.files.answers`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.model.text import printable

# Characters of standard error that are logged at a time, and of its last line.
_MAX_COMPLAINT, _MAX_LINE = 2000, 500


class JsonProcess(ProcessProtocol):
    """
    The daemon's side of such a process; a subclass says what becomes of its answers.

    :ivar gone: fires when the process has ended.
    :ivar complaint: the last line that it wrote to standard error.
    """

    #: What the process does, as the log names it: "hashing".
    work: str
    _log = Logger()

    def __init__(self) -> None:
        self._received = bytearray()
        self._killed = False
        self.gone: Deferred[None] = Deferred()
        self.complaint = ""

    def answered(self, message: dict[str, Any]) -> None:
        """
        Handle an answer; a subclass overrides this.

        :param message: the JSON object of one line.
        """
        raise NotImplementedError

    def ended(self, reason: Failure) -> None:
        """
        Handle the end of the process; a subclass overrides this.

        :param reason: wraps ``ProcessDone`` if the process exited with status 0, otherwise
            ``ProcessTerminated``.
        """
        raise NotImplementedError

    def kill(self) -> None:
        """End the process now, if it runs, and ignore all further answers."""
        self._killed = True
        assert self.transport is not None
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            self._log.debug("the {work} process had ended already", work=self.work)

    def outReceived(self, data: bytes) -> None:
        """Split the output into lines, each of which is an answer."""
        # Not with LineOnlyReceiver, which copies and searches all it has for each block of data:
        # one line may hold megabytes.
        start = len(self._received)
        self._received += data
        while not self._killed and (end := self._received.find(b"\n", start)) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            start = 0
            self.answered(json.loads(line))

    def errReceived(self, data: bytes) -> None:
        """Log standard error."""
        lines = data.decode(errors="replace").strip().split("\n")
        self.complaint = printable(lines[-1], _MAX_LINE)
        text = printable(" | ".join(lines), _MAX_COMPLAINT)
        self._log.warn("the {work} process says: {text}", work=self.work, text=text)

    def processEnded(self, reason: Failure) -> None:
        """Report the end."""
        self.ended(reason)
        self.gone.callback(None)


def start(
    reactor: IReactorProcess,
    process: JsonProcess,
    module: str,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
) -> None:
    """
    Start a process.

    :param process: gets the answers and the end of the process.
    :param module: the full name of the module to run.
    :param arguments: the command line arguments of the module.
    :param environ: all environment variables that it gets, besides those that Python needs.
    :raises OSError: if no process can be started.
    """
    reactor.spawnProcess(
        process,
        sys.executable,
        # -P: not a module from the folder that the process happens to run in.
        [sys.executable, "-P", "-X", "utf8", "-m", module, *arguments],
        env={**(environ or {}), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        path="/",
    )

"""A process of a test's own that is there to be killed."""

from __future__ import annotations

import contextlib
import sys

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure


class Mortal(ProcessProtocol):
    """
    Writes lines until it is killed.

    :ivar gone: fires when it has ended.
    """

    def __init__(self) -> None:
        self._said = b""
        self.gone: Deferred[None] = Deferred()

    def line_received(self, line: bytes) -> None:
        """Take what it says."""

    def outReceived(self, data: bytes) -> None:
        """Take whole lines."""
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            self.line_received(line)

    def errReceived(self, data: bytes) -> None:
        """Show what goes wrong there."""
        sys.stderr.write(data.decode(errors="replace"))

    def kill(self) -> None:
        """End it without giving it a chance."""
        assert self.transport is not None
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:  # noqa: ARG002  # Twisted's signature
        """It is gone."""
        self.gone.callback(None)
